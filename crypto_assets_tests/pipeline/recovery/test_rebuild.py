"""A rebuild from the lake gives the same tables, and deletes nothing that the lake lacks."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from crypto_assets.lake import build_klines_object, decode_klines
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.raw_klines import RawKlines
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, format_utc
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.bootstrap import claim_warehouse_for_lake, initialize_stores
from crypto_assets.pipeline.reconciliation.internal_checks import filter_to_window
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets.pipeline.recovery.rebuild import RebuildResult, rebuild_from_lake
from crypto_assets.pipeline.stages.order_books import capture_order_book, load_order_books
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.pipeline.aging import move_object
from crypto_assets_tests.pipeline.conftest import START, TODAY, TODAY_MS, BuildPlatform, run_ingest
from crypto_assets_tests.pipeline.tampering import tamper
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

FIRST = date(2025, 3, 3)
SECOND = FIRST + timedelta(days=1)
RANGE = Window.of_days(FIRST, TODAY)
SYMBOLS = ("BTCUSDT", "ETHUSDT")
DATA = {
    "fact_klines": "symbol_id, open_time",
    "hourly_klines": "symbol_id, open_time",
    "daily_klines": "symbol_id, open_time",
    "fact_order_book": "symbol_id, last_update_id, side, level",
    "order_book_snapshots": "symbol_id, last_update_id",
}
MANIFEST = (
    "bucket, `key`, symbol, kind, source, first_time, last_time, `rows`, size_bytes, sha256,"
    " fetched_at"
)
_START = RANGE.start_ms


def checksum(platform: PipelineContext, table: str, columns: str = "*", order: str = "") -> str:
    statement = f"SELECT {columns} FROM {table} ORDER BY {order or DATA[table]}"
    database: Any = platform.warehouse._database
    rows = database.run_primary_read(lambda c: c.exec_driver_sql(statement).all())
    assert rows, f"{table} is empty"
    return sha256(repr([tuple(row) for row in rows]).encode()).hexdigest()


def checksums(platform: PipelineContext) -> dict[str, str]:
    """Return the checksums of the data tables, and of the manifest without its load times."""
    found = {table: checksum(platform, table) for table in DATA}
    return found | {"lake_objects": checksum(platform, "lake_objects", MANIFEST, "bucket, `key`")}


def archive_object(platform: PipelineContext, key: str) -> None:
    """Move an object from the raw lake to the archive lake."""
    item = platform.warehouse.lake_objects.find_object(platform.raw_lake.bucket, key)
    assert item and move_object(platform, item)


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    """A server with an outage, an archive file without its afternoon, and an invalid row."""
    hole = _START + 30 * HOUR_MS
    faults = [
        {"do": "outage", "start": format_utc(hole), "end": format_utc(hole + 20 * MINUTE_MS)},
        {"do": "archive", "how": "short", "day": "2025-03-05", "symbol": "ETHUSDT"},
        {"do": "archive", "how": "high_below_low", "day": "2025-03-05", "symbol": "BTCUSDT"},
    ]
    return simulated_exchange(now=NOON, faults=faults)


@pytest.fixture
def platform(
    server: ExchangeServer, build_platform: BuildPlatform, warehouse_url: str
) -> PipelineContext:
    """Past days, ticks and books of today, a day fetched twice, a day in the archive lake."""
    built = build_platform(server, *SYMBOLS, warehouse_url=warehouse_url)
    run_ingest(built, *SYMBOLS, first=FIRST)
    for _ in range(3):
        server.clock.advance(MINUTE_MS)
        run_ingest(built, *SYMBOLS, tail=True)
        capture_order_book(built, "BTCUSDT")
    load_order_books(built, "BTCUSDT", RANGE)
    revised = {"start": format_utc(_START), "end": format_utc(_START + 3 * MINUTE_MS)}
    server.faults.add_rule({"do": "revise", **revised})
    run_ingest(built, *SYMBOLS, first=FIRST, last=FIRST)
    for entry in list(built.raw_lake.list_entries(f"{SECOND}/")):
        archive_object(built, entry.key)
    return built


@pytest.fixture
def empty(
    platform: PipelineContext, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[PipelineContext]:
    """The same lakes and exchange with an empty warehouse of the same kind."""
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    if not platform.warehouse._database.sqlite_path:
        url = request.getfixturevalue("mariadb").fresh()
    other = replace(platform, warehouse=Warehouse(url))
    initialize_stores(other, SYMBOLS, START)
    yield other
    other.warehouse.close()


def run_to_end(found: Iterator[RebuildResult]) -> list[RebuildResult]:
    rebuilt = list(found)
    assert [one.error for one in rebuilt if one.error] == []
    return rebuilt


def test_an_empty_warehouse_is_rebuilt_to_the_same_tables(
    platform: PipelineContext, empty: PipelineContext
) -> None:
    before = checksums(platform)
    btc, eth = run_to_end(rebuild_from_lake(empty))
    assert checksums(empty) == before
    assert checksums(platform) == before, "the other warehouse is unchanged"
    assert (btc.days, btc.books, btc.rejected) == (4, 3, 1)
    assert btc.minutes.new == btc.minutes.minutes == eth.minutes.new == 3 * 1440 - 20 + 723
    for symbol in SYMBOLS:
        assert verify_symbol(empty, symbol, RANGE).passed
        (gap,) = empty.warehouse.gap_ledger.list_gaps(symbol)
        assert gap.minutes == 20
    assert empty.warehouse.quarantine.count_records() == 1


def test_a_repeated_rebuild_changes_nothing(platform: PipelineContext) -> None:
    before = checksums(platform)
    for _ in range(2):
        for one in run_to_end(rebuild_from_lake(platform)):
            assert (one.minutes.new, one.minutes.changed, one.minutes.kept) == (0, 0, 0)
            assert one.minutes.skipped_hours == one.forgotten == 0
    assert checksums(platform) == before
    assert len(platform.warehouse.revisions.list_revisions("BTCUSDT")) == 3


def test_changed_and_deleted_rows_are_restored(platform: PipelineContext) -> None:
    before = checksums(platform)
    for table in ("fact_klines", "hourly_klines", "daily_klines"):
        tamper(platform, f"UPDATE {table} SET close = close + 1 WHERE symbol_id = {{symbol}}")
    gone = f"symbol_id = {{symbol}} AND open_time < {_START + 5 * HOUR_MS}"
    for table in ("fact_klines", "hourly_klines"):
        tamper(platform, f"DELETE FROM {table} WHERE {gone}")
    tamper(platform, "DELETE FROM lake_objects")
    btc, _ = run_to_end(rebuild_from_lake(platform))
    assert checksums(platform) == before
    assert (btc.minutes.new, btc.minutes.changed) == (300, 3 * 1440 - 20 + 723 - 300)


def test_days_outside_the_window_and_other_symbols_stay(platform: PipelineContext) -> None:
    tamper(platform, "UPDATE fact_klines SET close = close + 1")
    tampered = platform.warehouse.facts.read_candles("BTCUSDT", RANGE)
    (one,) = run_to_end(rebuild_from_lake(platform, ["BTCUSDT"], Window.of_day(SECOND)))
    assert (one.symbol, one.days) == ("BTCUSDT", 1)
    found = platform.warehouse.facts.read_candles("BTCUSDT", RANGE)
    differing = [
        day
        for day in RANGE.iter_days()
        if _select_day(found, day).equals(_select_day(tampered, day)) is False
    ]
    assert differing == [SECOND]
    assert not verify_symbol(platform, "ETHUSDT", RANGE).passed


def _select_day(candles: Any, day: date) -> Any:
    return filter_to_window(candles, Window.of_day(day))


def test_days_that_the_lake_no_longer_has_stay(platform: PipelineContext) -> None:
    before = {table: checksum(platform, table) for table in DATA}
    for lake in (platform.raw_lake, platform.archive_lake):
        lake.delete([e.key for e in lake.list_entries() if not e.key.startswith(str(TODAY))])
    btc, _ = run_to_end(rebuild_from_lake(platform))
    assert {table: checksum(platform, table) for table in DATA} == before
    assert (btc.days, btc.forgotten, btc.minutes.kept) == (1, 4, 0)


def test_the_rest_of_a_partly_expired_day_stays(platform: PipelineContext) -> None:
    """Of yesterday the lake has only REST's half, and of today only the objects of the ticks."""
    before = {table: checksum(platform, table) for table in DATA}
    items = platform.warehouse.lake_objects.list_in_window("ETHUSDT", ObjectKind.KLINES, RANGE)
    large = [item for item in items if item.source is Source.ARCHIVE or item.rows > 700]
    rest = next(item for item in large if item.source is Source.REST and item.first_time < TODAY_MS)
    gone = [item for item in large if item is not rest]
    for lake in (platform.raw_lake, platform.archive_lake):
        lake.delete([item.key for item in gone if item.bucket == lake.bucket])
    eth = next(one for one in run_to_end(rebuild_from_lake(platform)) if one.symbol == "ETHUSDT")
    assert {table: checksum(platform, table) for table in DATA} == before
    assert (eth.minutes.minutes, eth.minutes.kept) == (720 + 3, 720 + 720)
    assert eth.minutes.skipped_hours == 0


def test_an_hour_that_would_lose_minutes_stays(platform: PipelineContext) -> None:
    """The minutes are lost, hours and day are stored, and the lake has a part of the minutes."""
    day = Window.of_day(TODAY - timedelta(days=1))
    tamper(
        platform,
        f"DELETE FROM fact_klines WHERE symbol_id = {{symbol}} AND open_time >= {day.start_ms}"
        f" AND open_time < {day.end_ms}",
    )
    hours, days = checksum(platform, "hourly_klines"), checksum(platform, "daily_klines")
    items = platform.warehouse.lake_objects.list_in_window("BTCUSDT", ObjectKind.KLINES, day)
    body = platform.raw_lake.get(items[0].key)
    platform.raw_lake.delete([item.key for item in items])
    part = RawKlines.from_rows(decode_klines(body)[90:150])
    item, half = build_klines_object(platform.raw_lake.bucket, "BTCUSDT", part, Source.REST, NOON)
    platform.raw_lake.put(item.key, half, fetched_at=NOON, source=Source.REST, rows=60)
    btc, _ = run_to_end(rebuild_from_lake(platform, window=day))
    assert (btc.minutes.new, btc.minutes.skipped_hours) == (60, 2)
    assert checksum(platform, "hourly_klines") == hours
    assert checksum(platform, "daily_klines") == days


def test_objects_that_retention_moves_meanwhile_are_read_from_the_archive_lake(
    platform: PipelineContext,
) -> None:
    rebuilding = rebuild_from_lake(platform)
    assert next(rebuilding).symbol == "BTCUSDT"
    tamper(platform, "DELETE FROM fact_klines WHERE symbol_id = {symbol}", "ETHUSDT")
    for entry in list(platform.raw_lake.list_entries()):
        archive_object(platform, entry.key)
    eth = next(rebuilding)
    assert (eth.error, eth.minutes.new) == (None, 3 * 1440 - 20 + 723)


def test_expired_minutes_are_not_restored(platform: PipelineContext) -> None:
    platform.warehouse.facts.expire_minutes("BTCUSDT", _START + DAY_MS)
    before = {table: checksum(platform, table) for table in DATA}
    btc, _ = run_to_end(rebuild_from_lake(platform))
    assert {table: checksum(platform, table) for table in DATA} == before
    assert btc.minutes.minutes == 2 * 1440 - 20 + 723


def test_expired_minutes_are_restored_on_request_without_the_exchange(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    before = checksums(platform)
    for symbol in SYMBOLS:
        platform.warehouse.facts.expire_minutes(symbol, _START + 2 * DAY_MS)
    server.faults.add_rule({"do": "status", "status": 503})
    restored = run_to_end(
        rebuild_from_lake(platform, ["BTCUSDT"], Window.of_days(SECOND, TODAY), reload_expired=True)
    )
    assert [one.reloaded for one in restored] == [Window.of_day(SECOND)]
    assert run_to_end(rebuild_from_lake(platform))[0].minutes.new == 0, "the first day stays"
    restored = run_to_end(rebuild_from_lake(platform, reload_expired=True))
    assert [one.reloaded for one in restored] == [
        Window.of_day(FIRST),
        Window.of_days(FIRST, SECOND),
    ]
    assert checksums(platform) == before


def test_a_rebuild_needs_neither_init_nor_recorded_symbols(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    """The warehouse is lost: the rebuild registers the symbols as untracked."""
    platform = build_platform(simulated_exchange(now=NOON))
    run_ingest(platform, first=SECOND, last=SECOND)
    before = {table: checksum(platform, table) for table in list(DATA)[:3]}
    other = replace(platform, warehouse=Warehouse(f"sqlite:///{tmp_path / 'other.db'}"))
    claim_warehouse_for_lake(other)
    (one,) = run_to_end(rebuild_from_lake(other))
    assert one.untracked
    assert {table: checksum(other, table) for table in before} == before
    other.warehouse.close()
