"""Rebuilds that are killed with -9 and repeated, and rebuilds beside running ticks."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Event, Thread

import pytest

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.lake.directory_lake import DirectoryLake
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.bootstrap import initialize_stores
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets.pipeline.recovery.rebuild import rebuild_from_lake
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.pipeline.conftest import (
    START,
    TODAY_MS,
    BuildPlatform,
    open_times,
    run_ingest,
)
from crypto_assets_tests.pipeline.recovery.test_rebuild import checksum
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

SYMBOLS = ("BTCUSDT", "ETHUSDT")
# Over the end of a month, since each month is a transaction.
FIRST, LAST = date(2025, 2, 25), date(2025, 3, 5)
RANGE = Window.of_days(FIRST, LAST)
ROWS = 9 * 1440 * len(SYMBOLS)
KILLS = 3
TABLES = ("fact_klines", "hourly_klines", "daily_klines")

REBUILDER = """
import sys
from crypto_assets.exchange import open_exchange
from crypto_assets.lake import open_lake
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.recovery.rebuild import rebuild_from_lake
from crypto_assets.warehouse import Warehouse
url, raw, archive, warehouse = sys.argv[1:]
list(rebuild_from_lake(PipelineContext(open_exchange(url, url), open_lake(raw),
                                       open_lake(archive), Warehouse(warehouse), 5000, 20, 1, 5)))
"""


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange(now=NOON)


@pytest.fixture
def platform(server: ExchangeServer, build_platform: BuildPlatform) -> PipelineContext:
    return build_platform(server, *SYMBOLS)


@pytest.fixture
def empty(platform: PipelineContext, tmp_path: Path) -> Iterator[PipelineContext]:
    """The same lakes and exchange with an empty warehouse."""
    other = replace(platform, warehouse=Warehouse(f"sqlite:///{tmp_path / 'empty.db'}"))
    initialize_stores(other, SYMBOLS, START)
    yield other
    other.warehouse.close()


def test_a_rebuild_is_complete_after_kills_and_a_repeat(
    server: ExchangeServer, platform: PipelineContext, empty: PipelineContext
) -> None:
    run_ingest(platform, *SYMBOLS, first=FIRST, last=LAST)
    whole = {table: checksum(platform, table) for table in TABLES}
    command = [sys.executable, "-c", REBUILDER, *_list_addresses(server, empty)]
    for kill in range(1, KILLS + 1):
        with subprocess.Popen(command) as rebuilder:
            while _count_rows(empty) < ROWS * kill // (KILLS + 1):
                assert rebuilder.poll() is None, "it ended before it was killed"
                time.sleep(0.001)
            rebuilder.kill()
    assert [one.error for one in rebuild_from_lake(empty)] == [None, None]
    assert {table: checksum(empty, table) for table in TABLES} == whole
    assert not empty.warehouse.aggregates.has_stale_hours(SYMBOLS, RANGE)
    for symbol in SYMBOLS:
        assert empty.warehouse.watermarks.get_watermark(
            symbol
        ) == platform.warehouse.watermarks.get_watermark(symbol)
        assert verify_symbol(empty, symbol, RANGE).passed


def test_a_rebuild_runs_beside_ticks(server: ExchangeServer, platform: PipelineContext) -> None:
    """Ticks and the closing of a day during a rebuild are neither lost nor undone."""
    run_ingest(platform, first=LAST)
    done = Event()
    failures: list[CryptoAssetsError] = []

    def tick() -> None:
        while not done.is_set():
            server.clock.advance(MINUTE_MS)
            outcomes = run_ingest(platform, tail=True) + run_ingest(platform, first=LAST, last=LAST)
            failures.extend(outcome.error for outcome in outcomes if outcome.error)

    ticker = Thread(target=tick)
    ticker.start()
    try:
        for _ in range(6):
            assert [one.error for one in rebuild_from_lake(platform)] == [None, None]
    finally:
        done.set()
        ticker.join()
    assert failures == []
    run_ingest(platform, tail=True)
    expected = range(RANGE.end_ms - DAY_MS, server.clock.now_ms() // MINUTE_MS * MINUTE_MS)
    assert open_times(platform) == list(expected[::MINUTE_MS])
    objects = platform.warehouse.lake_objects.list_latest(1000)
    assert {item.key for item in objects} == {
        entry.key for entry in platform.raw_lake.list_entries()
    }
    assert all(item.loaded_at for item in objects)
    found = verify_symbol(platform, "BTCUSDT", Window(TODAY_MS - DAY_MS, TODAY_MS + DAY_MS))
    assert found.passed
    assert platform.warehouse.revisions.list_revisions() == []
    assert open_times(platform, "ETHUSDT") == []


def _count_rows(platform: PipelineContext) -> int:
    marks = platform.warehouse.watermarks.get_all().values()
    return sum(mark.record_count for mark in marks)


def _list_addresses(server: ExchangeServer, platform: PipelineContext) -> list[str]:
    assert isinstance(platform.raw_lake, DirectoryLake)
    assert isinstance(platform.archive_lake, DirectoryLake)
    database = platform.warehouse._database.url
    lakes = [str(lake.directory) for lake in (platform.raw_lake, platform.archive_lake)]
    return [server.url, *lakes, database.render_as_string(hide_password=False)]
