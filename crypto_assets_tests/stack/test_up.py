"""`crypto-assets up`: ticks on time, a backfill through the running Dagster, a clean stop."""

import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

import psutil
import pytest
import requests

from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, day_of, day_start_ms, floor_ms, now_ms
from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.cli.conftest import Desk, desk_at

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Stack:
    """A running `up`, its desk, and the addresses of Dagster, the app and the API."""

    desk: Desk
    process: "subprocess.Popen[bytes]"
    dagster_url: str
    app_url: str
    api_url: str

    def serves(self) -> bool:
        """Whether everything responds; fails if `up` has ended."""
        assert self.process.poll() is None
        urls = (self.dagster_url, f"{self.app_url}/_stcore/health", f"{self.api_url}/health/live")
        return all(_answers(url) for url in urls)

    def rows(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(self.desk.home / "warehouse.db", timeout=20)) as database:
            return database.execute(statement).fetchall()

    def graphql(self, query: str) -> dict[str, Any]:
        answer = requests.post(f"{self.dagster_url}/graphql", json={"query": query}, timeout=20)
        return dict(answer.json()["data"])


def wait_for(look: Callable[[], Seen], seconds: float) -> Seen:
    """Return the first true result of `look`; fail with its last one after the timeout."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"nothing within {seconds} s: {seen!r}"
        time.sleep(0.25)
    return seen


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`up` with an exchange on the real clock and a tick every minute."""
    exchange = SimulatedExchange(GeneratedCandles(1, False), SimulatedClock(now_ms(), 1))
    dagster_port, app_port, api_port = (require_free_port(0) for _ in range(3))
    dagster_url = f"http://127.0.0.1:{dagster_port}"
    with start_exchange_server(exchange) as url:
        desk = desk_at(
            tmp_path_factory.mktemp("up"),
            url,
            SYMBOLS=",".join(SYMBOLS),
            INGEST_INTERVAL_MINUTES="1",
            ORDER_BOOK_INTERVAL_MINUTES="1",
            DAGSTER_URL=dagster_url,
        )
        ports = {"--dagster-port": dagster_port, "--app-port": app_port, "--api-port": api_port}
        process = desk.start("up", *(str(word) for pair in ports.items() for word in pair))
        app_url, api_url = (f"http://127.0.0.1:{port}" for port in (app_port, api_port))
        up = Stack(desk, process, dagster_url, app_url, api_url)
        try:
            wait_for(lambda: up.serves(), 300)
            yield up
        finally:
            _interrupt(process)


def test_a_candle_is_stored_within_90_seconds_of_its_close(stack: Stack) -> None:
    newest = "SELECT symbol_id, MAX(open_time) FROM fact_klines GROUP BY symbol_id"
    wait_for(lambda: len(stack.rows(newest)) == len(SYMBOLS), 300)
    # The first tick catches up; measure the next minute that closes.
    opens = floor_ms(now_ms(), MINUTE_MS)
    closes = opens + MINUTE_MS
    wait_for(lambda: all(mark >= opens for _, mark in stack.rows(newest)), 150)
    assert now_ms() - closes < 90_000


def test_the_api_serves_the_same_candles_and_reaches_all_parts(stack: Stack) -> None:
    wait_for(lambda: _answers(f"{stack.api_url}/health"), 60)
    assert _answers(f"{stack.app_url}/_stcore/health")
    answer = requests.get(f"{stack.api_url}/api/klines/ETHUSDT?interval=1m&limit=1", timeout=10)
    ((newest,),) = stack.rows("SELECT MAX(open_time) FROM fact_klines WHERE symbol_id = 2")
    assert newest - answer.json()["data"][0]["open_time"] <= MINUTE_MS
    running = requests.get(f"{stack.api_url}/api/schedules", timeout=20).json()["data"]
    assert {one["name"] for one in running if one["running"]} >= {"ingest_schedule"}


def test_a_tick_is_one_run_for_all_symbols(stack: Stack) -> None:
    runs = wait_for(lambda: _ended_runs(stack, "ingest"), 150)
    assert {run["status"] for run in runs} == {"SUCCESS"}
    for run in runs:
        tags = {tag["key"]: tag["value"] for tag in run["tags"]}
        assert tags["crypto/symbols"] == "BTCUSDT, ETHUSDT, SOLUSDT"


def test_order_books_are_captured(stack: Stack) -> None:
    books = "SELECT COUNT(DISTINCT symbol_id) FROM order_book_snapshots"
    wait_for(lambda: stack.rows(books) == [(len(SYMBOLS),)], 150)


def test_a_backfill_goes_through_the_running_dagster(stack: Stack) -> None:
    asked = day_of(now_ms() - 3 * DAY_MS)
    ran = stack.desk.run(
        "backfill", "--symbols", "ETHUSDT", "--from", str(asked), "--to", str(asked)
    )
    assert ran.code == 0, ran.err
    backfills = stack.graphql(
        "{ partitionBackfillsOrError { ... on PartitionBackfills { results { status } } } }"
    )
    assert backfills["partitionBackfillsOrError"]["results"] == [{"status": "COMPLETED_SUCCESS"}]
    # If midnight passes meanwhile, the day is closed for every symbol.
    days = f"SELECT symbol_id FROM daily_klines WHERE open_time = {day_start_ms(asked)}"
    assert stack.rows(days) == [(2,)], "ETHUSDT's day, no other"


def test_ctrl_c_stops_everything(stack: Stack) -> None:
    """The last test of the module, since it stops everything."""
    family = psutil.Process(stack.process.pid).children(recursive=True)
    assert len(family) >= 3
    assert _interrupt(stack.process) == 0
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    assert not _answers(f"{stack.dagster_url}/server_info")
    assert not _answers(f"{stack.api_url}/health/live")


def _ended_runs(stack: Stack, job: str) -> list[dict[str, Any]]:
    answer = stack.graphql(
        f'{{ runsOrError(filter: {{pipelineName: "{job}", statuses: [SUCCESS, FAILURE]}}) '
        "{ ... on Runs { results { status tags { key value } } } } }"
    )
    return list(answer["runsOrError"]["results"])


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def _interrupt(process: "subprocess.Popen[bytes]") -> int:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    return process.wait(60)
