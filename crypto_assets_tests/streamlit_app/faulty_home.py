"""A home with an example of each kind of fault."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.order_book import OrderBook, PriceLevel
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets.warehouse import ConflictKind, ExchangeConflict, Warehouse
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from crypto_assets.warehouse.quality.quarantine import QuarantineRecord
from crypto_assets_tests.reports.stock import generated, load
from crypto_assets_tests.streamlit_app.conftest import make_home

DAYS = 3
OUTAGE_MINUTES, OPEN_MINUTES = 50, 20
# Stored minutes at the start of the current UTC day; each minute adds one.
MIN_ROWS = DAYS * 1440 - OUTAGE_MINUTES - OPEN_MINUTES
CONTRADICTION = "volume: the stored minutes give 120.00000000, the exchange has 121.00000000"
REJECT_REASON = "high 1.0 is below close 2.0"


def store_faulty_data(home: Path) -> Warehouse:
    """Store three days of BTCUSDT up to now, with faults.

    An outage, an open gap, a revision, a rejected row, an order book, and an hour in which the
    exchange's data is inconsistent.
    """
    warehouse = make_home(home)
    until = floor_ms(now_ms(), MINUTE_MS)
    window = Window(floor_ms(until, DAY_MS) - DAYS * DAY_MS, until)
    outage = Window(
        window.start_ms + HOUR_MS, window.start_ms + HOUR_MS + OUTAGE_MINUTES * MINUTE_MS
    )
    gap = Window(outage.end_ms + DAY_MS, outage.end_ms + DAY_MS + OPEN_MINUTES * MINUTE_MS)
    candles = generated("BTCUSDT", window, [outage, gap])
    load(warehouse, "BTCUSDT", candles)
    warehouse.gap_ledger.refresh_gaps("BTCUSDT", window)
    warehouse.gap_ledger.classify_gap(
        "BTCUSDT", outage.start_ms, GapClass.OUTAGE, "asked twice over REST"
    )
    _add_revision(warehouse, candles.slice(0, 1))
    _add_rejected_row(warehouse, window.start_ms)
    _add_order_book(warehouse, until)
    kind = ConflictKind.CONTRADICTION
    conflict = ExchangeConflict("BTCUSDT", Interval.H1, window.start_ms, kind, CONTRADICTION)
    warehouse.exchange_conflicts.record_conflicts("BTCUSDT", [conflict])
    return warehouse


def _add_revision(warehouse: Warehouse, candle: pa.Table) -> None:
    """Store the first minute again, from the archive and with another close."""
    (first,) = warehouse.lake_objects.list_latest(1)
    item = replace(
        first,
        key=first.key.replace("rest", "archive"),
        source=Source.ARCHIVE,
        rows=1,
        last_time=first.first_time,
        fetched_at=first.fetched_at + 1,
        loaded_at=None,
    )
    at = candle.schema.get_field_index("close")
    cent = pa.scalar(Decimal("0.01"), candle.schema.field(at).type)
    closes = pc.subtract(candle["close"], cent).cast(candle.schema.field(at).type)
    warehouse.lake_objects.record_objects([item])
    warehouse.facts.load_objects(
        "BTCUSDT", [(item, candle.set_column(at, candle.schema.field(at), closes))]
    )


def _add_rejected_row(warehouse: Warehouse, at: int) -> None:
    key = f"BTCUSDT_klines_{at}-{at}_rest.json"
    warehouse.quarantine.add_records(
        [QuarantineRecord("BTCUSDT", ObjectKind.KLINES, "raw", key, REJECT_REASON, "[1, 2, 3]", at)]
    )


def _add_order_book(warehouse: Warehouse, at: int) -> None:
    item = LakeObject(
        bucket="raw",
        key=f"BTCUSDT_depth_{at}.json",
        symbol="BTCUSDT",
        kind=ObjectKind.DEPTH,
        source=Source.REST,
        first_time=at,
        last_time=at,
        rows=2,
        size_bytes=90,
        sha256="s",
        fetched_at=at,
    )
    warehouse.lake_objects.record_objects([item])
    book = OrderBook(7, at, bids=_make_side("9"), asks=_make_side("11"))
    warehouse.order_books.load_snapshots("BTCUSDT", [(item, book)])


def _make_side(price: str) -> tuple[PriceLevel, ...]:
    return (PriceLevel(Decimal(price), Decimal(2)),)
