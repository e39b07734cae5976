"""`crypto-assets up`: ticks on time, a backfill through the running Dagster, a clean stop."""

import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import orjson
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
from crypto_assets_tests.project.repository import ROOT
from crypto_assets_tests.project.test_monitoring import list_dashboard_queries
from crypto_assets_tests.services.nginx import nginx
from crypto_assets_tests.services.prometheus import serve_prometheus

# What a client may send to look like a browser or a program of this machine.
FORGED_HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"Host": "localhost", "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
    {"Host": "127.0.0.1", "X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"},
    *(
        {name: "127.0.0.1"}
        for name in ("X-Client-IP", "X-Cluster-Client-IP", "X-Original-Forwarded-For")
    ),
    {"Host": "evil.example", "Origin": "http://evil.example"},
    {"Cookie": "crypto_session=forged"},
)
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
            LOG_FORMAT="json",
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


def test_what_runs_use_of_the_rate_limit_is_in_the_metrics(stack: Stack) -> None:
    wait_for(lambda: _ended_runs(stack, "ingest"), 150)
    used = re.compile(r'^crypto_assets_exchange_weight_total\{kind="tick"\} [1-9]', re.MULTILINE)
    wait_for(lambda: used.search(requests.get(f"{stack.api_url}/metrics", timeout=20).text), 60)


def test_every_process_has_figures(stack: Stack) -> None:
    wait_for(lambda: _ended_runs(stack, "ingest"), 150)
    processes = ("daemon", "code_server", "webserver", "app", "api", "run")

    def measured() -> bool:
        text = requests.get(f"{stack.api_url}/metrics", timeout=20).text
        cpu = re.findall(r'^crypto_assets_process_cpu_seconds_total\{.*process="(\w+)"', text, re.M)
        statements = r'^crypto_assets_database_seconds_count\{.*process="run",statement="insert"'
        return set(cpu) == {*processes} and bool(re.search(statements, text, re.M))

    wait_for(measured, 90)


def test_order_books_are_captured(stack: Stack) -> None:
    books = "SELECT COUNT(DISTINCT symbol_id) FROM order_book_snapshots"
    wait_for(lambda: stack.rows(books) == [(len(SYMBOLS),)], 150)


def test_prometheus_has_every_figure_of_the_dashboard_and_no_alert_fires(
    stack: Stack, tmp_path: Path
) -> None:
    assert stack.desk.run("backup", str(tmp_path / "backups")).code == 0
    target = stack.api_url.removeprefix("http://")
    with serve_prometheus(target, tmp_path) as prometheus:
        # `rate` needs two samples, and a busy machine may fail a scrape between two queries.
        # Its lake is a directory.
        unanswered = [one for one in list_dashboard_queries() if "s3_seconds" not in one]
        deadline = time.monotonic() + 120
        while unanswered and time.monotonic() < deadline:
            time.sleep(0.5)
            unanswered = [query for query in unanswered if not prometheus.query(query)]
        assert unanswered == []
        known = {
            series["metric"]["__name__"]
            for series in prometheus.query('last_over_time({__name__=~"crypto_assets_.*"}[1m])')
        }
        assert known
        documented = set(
            re.findall(r"`([a-z0-9_]+)`", (ROOT / "docs" / "monitoring.md").read_text())
        )
        plain = {
            re.sub(r"^crypto_assets_(.*?)(_(count|sum|bucket|created))?$", r"\1", name)
            for name in known
        }
        assert plain - documented == set()
        assert prometheus.query('ALERTS{alertstate="firing"}') == []


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


@pytest.fixture(scope="module")
def proxied(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of a plain nginx in front of the app, the API and Dagster."""
    upstreams = {"app": stack.app_url, "api": stack.api_url, "dagster": stack.dagster_url}
    with nginx(tmp_path_factory.mktemp("proxy") / "nginx", upstreams) as addresses:
        yield addresses


@pytest.mark.parametrize("headers", FORGED_HEADERS)
def test_no_one_changes_things_through_a_proxy(
    stack: Stack, proxied: dict[str, str], headers: dict[str, str]
) -> None:
    """A proxy makes every client one of this machine; no header says so."""
    stop = {"query": 'mutation{stopRunningSchedule(id:"x::935745f8"){__typename}}'}
    for base in (proxied, {"api": stack.api_url, "dagster": stack.dagster_url}):
        for method, url, body in (
            ("PUT", f"{base['api']}/api/schedules/ingest_schedule", {"running": False}),
            ("DELETE", f"{base['api']}/api/symbols/ETHUSDT", {}),
            ("POST", f"{base['dagster']}/graphql", stop),
        ):
            answer = requests.request(method, url, json=body, headers=headers, timeout=30)
            assert answer.status_code in (400, 401, 403, 421), (url, answer.text)
        answer = requests.get(
            f"{base['dagster']}/graphql", params=stop, headers=headers, timeout=30
        )
        assert answer.status_code in (400, 401, 403, 405, 421), answer.text
    assert (None,) in stack.rows("SELECT active_until FROM symbols WHERE symbol = 'ETHUSDT'")
    schedules = requests.get(f"{stack.api_url}/api/schedules", timeout=20).json()["data"]
    assert "ingest_schedule" in {one["name"] for one in schedules if one["running"]}


def test_one_link_unlocks_all_servers_once(stack: Stack) -> None:
    link = stack.desk.run("unlock", "--url", stack.app_url).out.strip()
    browser = requests.Session()
    assert browser.get(link, allow_redirects=False, timeout=30).status_code == 303
    assert browser.cookies["crypto_session"]
    for url, body, status in (
        (f"{stack.api_url}/api/maintenance/nothing", {}, 404),
        (f"{stack.dagster_url}/graphql", {"query": "mutation{reloadWorkspace{__typename}}"}, 200),
    ):
        origin = {"Origin": "/".join(url.split("/")[:3])}
        assert browser.post(url, json=body, headers=origin, timeout=60).status_code == status
        assert requests.post(url, json=body, headers=origin, timeout=60).status_code in (401, 403)
    for url in (stack.app_url, stack.api_url, stack.dagster_url):
        used = link.replace(stack.app_url, url)
        assert requests.get(used, allow_redirects=False, timeout=30).status_code == 403


def test_the_token_is_in_no_process_list_and_in_no_log(stack: Stack) -> None:
    token = (stack.desk.home / "operator-token").read_text().strip()
    family = [psutil.Process(stack.process.pid)]
    family += family[0].children(recursive=True)
    shown = ""
    for process in family:
        # A code server that was replaced by a reload has no command any more.
        with suppress(psutil.NoSuchProcess):
            shown += " ".join(process.cmdline())
    logs = "".join(log.read_text() for log in (stack.desk.home / "logs").glob("*.log"))
    assert "webserver" in shown and len(logs) > 100
    assert token not in shown + logs and "code=" not in shown + logs


def test_ctrl_c_stops_everything(stack: Stack) -> None:
    """The last test but one, since it stops everything."""
    family = psutil.Process(stack.process.pid).children(recursive=True)
    assert len(family) >= 3
    assert _interrupt(stack.process) == 0
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    assert not _answers(f"{stack.dagster_url}/server_info")
    assert not _answers(f"{stack.api_url}/health/live")


def test_every_line_of_every_log_is_a_json_object(stack: Stack) -> None:
    """From the start to the stop of all processes."""
    assert stack.process.poll() is not None
    logs = (stack.desk.home / "logs").glob("*.log")
    lines = [orjson.loads(line) for log in logs for line in log.read_bytes().splitlines()]
    for line in lines:
        assert {"time", "level", "logger", "message", "process", "pid"} <= line.keys(), line
    assert {line["process"] for line in lines} >= {
        *("api", "app", "code_server", "daemon", "run", "webserver")
    }
    of_runs = [line for line in lines if line["process"] == "run"]
    assert {line["job"] for line in of_runs if "job" in line} >= {"ingest", "order_books"}
    assert all("run_id" in line for line in of_runs)
    stored = [
        line["partition"]
        for line in of_runs
        if line.get("event") == "ASSET_MATERIALIZATION" and line["job"] == "ingest"
    ]
    assert {partition.partition("|")[2] for partition in stored} == set(SYMBOLS)


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
