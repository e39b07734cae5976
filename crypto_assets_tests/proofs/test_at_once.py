"""Two backfills of the same partitions and a tick of that day, run concurrently twenty times."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window, day_start_ms, floor_ms
from crypto_assets.pipeline.control.bootstrap import initialize_stores
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets_tests.proofs.rivals import SYMBOLS, Place, enter, run
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange
from crypto_assets_tests.services.mariadb import DatabaseServer

pytestmark = pytest.mark.timeout(1800)
TODAY = date(2025, 3, 6)
MODES = (IngestMode.DAYS, IngestMode.DAYS, IngestMode.TAIL)


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange(now=NOON)


@pytest.fixture
def place(server: ExchangeServer, mariadb: DatabaseServer, tmp_path: Path) -> Place:
    place = Place(server.url, tmp_path, mariadb.fresh())
    platform = place.platform()
    initialize_stores(platform, SYMBOLS, date(2025, 3, 1))
    platform.warehouse.close()
    return place


@pytest.fixture
def rivals(place: Place) -> Iterator[ProcessPoolExecutor]:
    context = get_context("spawn")
    barrier = context.Barrier(len(MODES))
    with ProcessPoolExecutor(len(MODES), context, enter, (barrier, place)) as pool:
        yield pool


def test_concurrent_runs_store_the_same_rows_as_one(
    server: ExchangeServer, place: Place, rivals: ProcessPoolExecutor
) -> None:
    platform = place.platform()
    for round_ in range(20):
        # A minute closes in each round, and an hour after the tenth.
        server.clock.set_time(NOON + (50 + round_) * MINUTE_MS)
        running = [rivals.submit(run, mode, TODAY) for mode in MODES]
        assert [one.result(900) for one in running] == ["", "", ""]
        window = Window(day_start_ms(TODAY), floor_ms(platform.closed_before(), MINUTE_MS))
        for symbol in SYMBOLS:
            stored = platform.warehouse.facts.read_candles(symbol, window)["open_time"].to_pylist()
            assert stored == list(range(window.start_ms, window.end_ms, MINUTE_MS))
            hours = platform.warehouse.aggregates.read_candles(symbol, Interval.H1, window)
            closed = floor_ms(window.end_ms, HOUR_MS)
            assert hours["open_time"].to_pylist() == list(range(window.start_ms, closed, HOUR_MS))
    for symbol in SYMBOLS:
        found = verify_symbol(platform, symbol, Window.of_day(TODAY))
        assert found.passed and not found.not_loaded
    platform.warehouse.close()
