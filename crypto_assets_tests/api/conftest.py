"""An API over a filled warehouse of each kind, which the tests only read."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.order_book import OrderBook, PriceLevel
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window
from crypto_assets.reports import Reports
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from crypto_assets.warehouse.quality.quarantine import QuarantineRecord
from crypto_assets_tests.api.serving import Api, create_context, serve_api
from crypto_assets_tests.reports.stock import describe, generated, hole_before, load
from crypto_assets_tests.services.mariadb import DatabaseServer

# Thursday 2025-03-06 12:34 UTC: inside an hour, a day and a week.
UNTIL = 1_741_264_440_000
STOCK = Window(UNTIL - 4 * DAY_MS, UNTIL)
HOLE = hole_before(UNTIL, hours=30, minutes=140)
NOW = UNTIL + MINUTE_MS // 2

BOOK = OrderBook(
    last_update_id=77,
    captured_at=UNTIL,
    bids=tuple(PriceLevel(Decimal(100 - n), Decimal("1.5") + n) for n in range(3)),
    asks=tuple(PriceLevel(Decimal(101 + n), Decimal("0.00000001") * (n + 1)) for n in range(3)),
)


@dataclass(frozen=True)
class Stock:
    """Four days of BTCUSDT with an outage and of SHIBUSDT; XRPUSDT has no candle."""

    warehouse: Warehouse
    api: Api


@pytest.fixture(scope="session")
def sqlite_stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    folder = tmp_path_factory.mktemp("sqlite_api")
    yield from _stocked(f"sqlite:///{folder / 'warehouse.db'}", folder)


@pytest.fixture(scope="session")
def mariadb_stock(
    mariadb: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stock]:
    yield from _stocked(mariadb.fresh(), tmp_path_factory.mktemp("mariadb_api"))


@pytest.fixture(params=["sqlite", "mariadb"])
def stock(request: pytest.FixtureRequest) -> Stock:
    """The data on each database; modules that do not depend on the database override it."""
    found = request.getfixturevalue(f"{request.param}_stock")
    assert isinstance(found, Stock)
    return found


@pytest.fixture
def stocked(stock: Stock) -> Warehouse:
    return stock.warehouse


@pytest.fixture
def api(stock: Stock) -> Api:
    return stock.api


def _stocked(url: str, folder: Path) -> Iterator[Stock]:
    warehouse = Warehouse(url)
    warehouse.migrate_schema()
    warehouse.symbols.register_symbols([describe(n) for n in ("BTCUSDT", "SHIBUSDT", "XRPUSDT")])
    for day in STOCK.iter_days():
        part = STOCK & Window.of_day(day)
        load(warehouse, "BTCUSDT", generated("BTCUSDT", part, [HOLE]))
        load(warehouse, "SHIBUSDT", generated("SHIBUSDT", part))
    warehouse.gap_ledger.refresh_gaps("BTCUSDT", STOCK)
    warehouse.gap_ledger.classify_gap(
        "BTCUSDT", HOLE.start_ms, GapClass.OUTAGE, "the exchange has none"
    )
    warehouse.order_books.load_snapshots("BTCUSDT", [(_depth_object(), BOOK)])
    warehouse.quarantine.add_records(
        [QuarantineRecord("BTCUSDT", ObjectKind.KLINES, "raw", "k", "high below low", "[1]", UNTIL)]
    )
    reports = Reports(warehouse, clock=lambda: NOW)
    with serve_api(create_context(warehouse, folder, reports=reports)) as served:
        yield Stock(warehouse, served)
    warehouse.close()


def _depth_object() -> LakeObject:
    return LakeObject(
        bucket="raw",
        key="BTCUSDT_depth.json",
        symbol="BTCUSDT",
        kind=ObjectKind.DEPTH,
        source=Source.REST,
        first_time=UNTIL,
        last_time=UNTIL,
        rows=6,
        size_bytes=300,
        sha256="0" * 64,
        fetched_at=UNTIL,
    )
