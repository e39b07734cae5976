"""A market whose exchange contradicts itself, and what is stored of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from crypto_assets.exchange import open_exchange
from crypto_assets.lake import build_klines_object
from crypto_assets.market.candles import Candle, rows_from_table, table_from_candles
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import Source
from crypto_assets.market.raw_klines import RawKlines
from crypto_assets.market.utc_time import (
    HOUR_MS,
    MINUTE_MS,
    Window,
    format_utc,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.import_objects import load_imported_days
from crypto_assets.pipeline.reconciliation.verify import VerificationResult, verify_symbol
from crypto_assets_tests.pipeline.market_files import minute, together, write_candles
from crypto_assets_tests.services.exchange import NOON, ExchangeServer

FIRST = date(2025, 3, 4)
DAY = Window.of_day(FIRST)
HOUR = DAY.start_ms + 10 * HOUR_MS
AT = HOUR + 17 * MINUTE_MS
SYMBOL = "BTCUSDT"
ARCHIVE_DIFFERS = {
    "do": "revise",
    "in": "archive",
    "change": {"volume": "*2", "quote_volume": "*2"},
    "start": format_utc(AT),
    "end": format_utc(AT + MINUTE_MS),
}


def check(platform: PipelineContext, day: date = FIRST) -> VerificationResult:
    return verify_symbol(platform, SYMBOL, Window.of_day(day))


def volume_at(platform: PipelineContext, open_time: int) -> Decimal:
    table = platform.warehouse.facts.read_candles(SYMBOL, Window(open_time, open_time + 1))
    (volume,) = table["volume"].to_pylist()
    return Decimal(volume)


def volume_by_rest(platform: PipelineContext, interval: Interval, open_time: int) -> Decimal:
    rest = platform.exchange.rest
    (page,) = rest.fetch_kline_pages(SYMBOL, interval, Window(open_time, open_time + 1))
    return Decimal(str(page[0][5]))


def put_klines(
    platform: PipelineContext, klines: RawKlines, source: Source, fetched_at: int
) -> None:
    """Put minutes into lake and manifest, not loaded; `fetched_at` in epoch ms."""
    item, body = build_klines_object("raw", SYMBOL, klines, source, fetched_at)
    platform.raw_lake.put(
        item.key, body, fetched_at=item.fetched_at, source=item.source, rows=item.rows
    )
    platform.warehouse.lake_objects.record_objects([item])


def put_minutes(
    platform: PipelineContext, minutes: Sequence[Candle], source: Source, fetched_at: int
) -> None:
    """Put candles as `put_klines` does."""
    rows = rows_from_table(table_from_candles(minutes))
    put_klines(platform, RawKlines.from_rows(rows), source, fetched_at)


def compute(platform: PipelineContext) -> None:
    """Compute the day's stale hours, and the day."""
    platform.warehouse.aggregates.recompute_hours(SYMBOL, DAY, NOON)
    platform.warehouse.aggregates.recompute_days(SYMBOL, DAY, NOON)


def load_archive_alone(platform: PipelineContext) -> None:
    """Load the day's archive file without a comparison of hours, as earlier versions did."""
    klines = platform.exchange.archive.fetch_day(SYMBOL, FIRST)
    put_klines(platform, klines, Source.ARCHIVE, platform.exchange_now())
    assert [one.error for one in load_imported_days(platform, SYMBOL, [FIRST])] == [None] * 3


def market(
    folder: Path,
    *,
    hour_volume: int = 0,
    rest: dict[int, Candle] | None = None,
    without: int | None = None,
) -> tuple[Path, list[Candle]]:
    """Write a day of minutes with its hours and its day; returns the folder and the minutes.

    The minute `without` is in no file, and no hour is made with it. The eleventh hour has
    `hour_volume` more than its minutes. `rest` replaces minutes of the file, not of what is
    returned, nor of the hours.
    """
    minutes = [minute(DAY.start_ms + n * MINUTE_MS, 100 + n % 7) for n in range(1440)]
    there = [row for row in minutes if row.open_time != without]
    hours = [
        together(
            [row for row in there if row.open_time in Window(at, at + HOUR_MS)],
            at,
            at + HOUR_MS - 1,
        )
        for at in range(DAY.start_ms, DAY.end_ms, HOUR_MS)
    ]
    hours[10] = replace(hours[10], volume=hours[10].volume + hour_volume)
    day = together(hours, DAY.start_ms, DAY.end_ms - 1)
    shown = [(rest or {}).get(row.open_time, row) for row in there]
    # A minute on the next day, so that the market goes on.
    after = minute(DAY.end_ms, 100)
    write_candles(folder, SYMBOL, "1m", [*shown, after])
    write_candles(
        folder, SYMBOL, "1h", [*hours, together([after], DAY.end_ms, DAY.end_ms + 59_999)]
    )
    write_candles(folder, SYMBOL, "1d", [day])
    return folder, minutes


def serve(platform: PipelineContext, server: ExchangeServer) -> PipelineContext:
    """Return the same warehouse and lakes with another exchange."""
    return replace(platform, exchange=open_exchange(server.url, server.archive_url))
