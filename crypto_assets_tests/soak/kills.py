"""Every process of an installation beside the others, killed in turn, with ticks every few seconds.

Ticks start also between those of the schedule, so that runs come and go. Prometheus evaluates the
shipped rules, which fire after ten seconds here.
"""

import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import psutil
import requests

from crypto_assets.cli import served_programs
from crypto_assets.cli.process_tree import Program
from crypto_assets.errors import OrchestratorError
from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, format_utc, now_ms
from crypto_assets.orchestrator.repository import find_loaded_repository
from crypto_assets.orchestrator.runs import LaunchRequest, launch_run
from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.services.dagster_tree import Tree, wait_for
from crypto_assets_tests.services.prometheus import Prometheus, serve_prometheus
from crypto_assets_tests.services.scripted import Answer, ScriptedServer, in_turn, scripted

SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT")
_PENDING = "10s"
_DOWN_SECONDS = 45.0
# Caches fill and modules are imported in the first minutes of a process.
_WARM_UP_SECONDS = 120.0
_MAX_MEMORY_GROWTH, _MAX_MORE_BYTES = 1.2, 40_000_000
_MAX_MORE_HANDLES = 12
_TICK_SECONDS = 5.0
_WEBSERVER, _DAEMON, _API, _APP = "Dagster's webserver", "Dagster's daemon", "the API", "the app"
# The alert of each killed program, if there is one.
_ALERTS = {_API: ("ApiDown", ""), _WEBSERVER: ("ComponentDown", "dagster")}
# About the disk of this machine.
_OF_THIS_MACHINE = {"DiskFull", "DiskFilling"}
_DRY_RUN = """
mutation ($selector: ScheduleSelector!, $timestamp: Float!) {
  scheduleDryRun(selectorData: $selector, timestamp: $timestamp) {
    __typename
    ... on DryRunInstigationTick {
      evaluationResult { runRequests { runConfigYaml assetSelection { path } tags { key value } } }
    }
    ... on Error { message }
  }
}
"""


@dataclass(frozen=True)
class Usage:
    """What a process uses at a time, in seconds since its program was ready."""

    at: float
    memory_bytes: int
    handles: int


@dataclass
class KillSoak:
    """An installation under kills; `lives` has the usage of each process by its id and name."""

    folder: Path
    minutes: int
    kills: Counter[str] = field(default_factory=Counter)
    fired: Counter[tuple[str, str]] = field(default_factory=Counter)
    lives: dict[tuple[int, str], list[Usage]] = field(default_factory=lambda: defaultdict(list))
    ticks: int = 0
    _firing: set[tuple[str, str]] = field(default_factory=set)
    _ready_at: dict[str, float] = field(default_factory=dict)
    _last_tick: float = 0.0

    def run(self) -> Iterator[str]:
        """Run all kills; yield a line after each."""
        exchange = SimulatedExchange(GeneratedCandles(1, False), SimulatedClock(now_ms(), 1))
        with ExitStack() as stack:
            url = stack.enter_context(start_exchange_server(exchange))
            self.webhook = stack.enter_context(scripted(in_turn(Answer())))
            self.tree = Tree.planted(
                self.folder,
                url,
                SYMBOLS=",".join(SYMBOLS),
                START_DATE=time.strftime("%Y-%m-%d", time.gmtime()),
                INGEST_INTERVAL_MINUTES="1",
                ORDER_BOOK_INTERVAL_MINUTES="1",
                ALERT_WEBHOOK_URL=self.webhook.url,
            )
            stack.callback(self.tree.kill_all)
            self.programs = self._describe_programs()
            for name in self.programs:
                self._start(name)
            target = self._api_url.removeprefix("http://")
            self.prometheus: Prometheus = stack.enter_context(
                serve_prometheus(target, self.folder, _PENDING)
            )
            self._watch(_WARM_UP_SECONDS)
            yield from self._kill_in_turn()
            self._finish()

    def find_flaws(self) -> Iterator[str]:
        """Find everything that is wrong after the run."""
        expected = Counter({alert: self.kills[name] for name, alert in _ALERTS.items()})
        for alert in expected.keys() | self.fired.keys():
            if self.fired[alert] != expected[alert]:
                yield f"{alert} fired {self.fired[alert]} times, not {expected[alert]}"
        yield from (f"{alert} did not clear" for alert in self._firing)
        yield from self._find_growth()
        yield from self.failed_runs
        yield from self.missing
        for text, count in Counter(list_titles(self.webhook)).items():
            if count > 1:
                yield f"sent {count} times: {text}"

    def summarize(self) -> Iterator[str]:
        """Yield the figures as lines."""
        yield f"{self.ticks} ticks beside the schedule's; kills: {dict(self.kills)}"
        yield f"alerts: {dict(self.fired)}; messages: {len(list_titles(self.webhook))}"
        for (pid, name), usages in self.lives.items():
            if pair := _find_edges(usages):
                first, last = pair
                yield (
                    f"{name} {pid}, {last.at - first.at:.0f} s: memory "
                    f"{first.memory_bytes / 1e6:.0f} -> {last.memory_bytes / 1e6:.0f} MB, handles "
                    f"{first.handles} -> {last.handles}"
                )

    def _describe_programs(self) -> dict[str, Program]:
        tree, logs = self.tree, self.tree.logs
        app, api = (require_free_port(0) for _ in range(2))
        self._api_url = f"http://127.0.0.1:{api}"
        programs = (
            served_programs.webserver_program(tree.port, logs),
            served_programs.daemon_program(tree.port, logs),
            served_programs.api_program(api, logs),
            served_programs.app_program(app, logs),
        )
        return {program.name: program for program in programs}

    def _start(self, name: str) -> None:
        program = self.programs[name]
        self.tree.start_program(program)
        if name == _DAEMON:
            wait_for(lambda: not self.tree.orchestrator.list_unhealthy_daemons())
        else:
            wait_for(program.is_ready)
        self._ready_at[name] = time.monotonic()

    def _kill_in_turn(self) -> Iterator[str]:
        """Kill a program, start it again after a while, and let all run; then the next one."""
        names = [*self.programs, "a run"]
        until = time.monotonic() + self.minutes * 60
        turn = 0
        # In an hour, each process lives long enough to show whether it grows.
        pause = max(30.0, self.minutes * 60 / (2 * len(names)) - _DOWN_SECONDS)
        while time.monotonic() < until:
            name = names[turn % len(names)]
            turn += 1
            if name == "a run":
                self._kill_run()
            else:
                self.tree.kill_program(name)
                self.kills[name] += 1
                self._watch(_DOWN_SECONDS, ticking=name != _WEBSERVER)
                self._start(name)
            self._watch(pause)
            yield f"killed {name}; firing: {sorted(self._firing)}, ticks: {self.ticks}"

    def _kill_run(self) -> None:
        """Kill the process of the next run."""

        def find_runs() -> list[psutil.Process]:
            self._tick()
            return [one for one in self._list_processes() if _is_run(one)]

        wait_for(find_runs)[0].kill()
        self.kills["a run"] += 1

    def _watch(self, seconds: float, *, ticking: bool = True) -> None:
        """Start ticks, and record what processes use and which alerts fire."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if ticking and time.monotonic() - self._last_tick > _TICK_SECONDS:
                self._last_tick = time.monotonic()
                self._tick()
            self._record_alerts()
            self._record_usage()
            time.sleep(1)

    def _tick(self) -> None:
        """Launch the run that the schedule would launch now."""
        try:
            repository = find_loaded_repository(self.tree.webserver)
            selector = {**repository.selector, "scheduleName": "ingest_schedule"}
            answer = self.tree.webserver.run_query(
                _DRY_RUN, selector=selector, timestamp=now_ms() // 1000
            )
            result = answer["scheduleDryRun"]
            evaluation = self.tree.webserver.require_type(result, "DryRunInstigationTick")
            for request in (evaluation["evaluationResult"] or {}).get("runRequests") or ():
                config = request["runConfigYaml"]
                tags = {tag["key"]: tag["value"] for tag in request["tags"]}
                assets = ["/".join(one["path"]) for one in request["assetSelection"] or ()]
                run = LaunchRequest(repository, "ingest", tags, config, assets)
                launch_run(self.tree.webserver, run)
                self.ticks += 1
        except OrchestratorError:
            return  # its code server is starting

    def _record_alerts(self) -> None:
        try:
            found = self.prometheus.query('ALERTS{alertstate="firing"}')
        except requests.RequestException:
            return
        firing = {
            (one["metric"]["alertname"], one["metric"].get("part", ""))
            for one in found
            if one["metric"]["alertname"] not in _OF_THIS_MACHINE
        }
        self.fired.update(firing - self._firing)
        self._firing = firing

    def _record_usage(self) -> None:
        for process in self._list_processes():
            try:
                name = _name_process(process, self.tree, self.programs)
                if name is None:
                    continue
                at = time.time() - process.create_time()
                usage = Usage(at, process.memory_info().rss, process.num_fds())
            except psutil.NoSuchProcess:
                continue
            self.lives[process.pid, name].append(usage)

    def _list_processes(self) -> list[psutil.Process]:
        return psutil.Process().children(recursive=True)

    def _finish(self) -> None:
        """Wait until runs and alerts have ended; then look at runs and candles."""
        deadline = time.monotonic() + 300
        while (self._firing or self._count_unfinished()) and time.monotonic() < deadline:
            self._watch(2, ticking=False)
        self.failed_runs = list(_find_failed(self.tree.runs()))
        self.missing = list(self._find_missing_minutes())

    def _count_unfinished(self) -> int:
        ended = {"SUCCESS", "FAILURE", "CANCELED"}
        return sum(run["status"] not in ended for run in self.tree.runs())

    def _find_missing_minutes(self) -> Iterator[str]:
        statement = (
            "SELECT symbol_id, COUNT(*), MIN(open_time), MAX(open_time) FROM fact_klines GROUP BY 1"
        )
        with closing(sqlite3.connect(self.tree.desk.home / "warehouse.db", timeout=60)) as database:
            rows = database.execute(statement).fetchall()
        if len(rows) != len(SYMBOLS):
            yield f"{len(rows)} symbols have candles"
        for symbol_id, count, first, last in rows:
            if count != (last - first) // MINUTE_MS + 1 or first % DAY_MS:
                yield f"symbol {symbol_id}: {count} minutes from {format_utc(first)}"
            if last < now_ms() - 5 * MINUTE_MS:
                yield f"symbol {symbol_id} ends at {format_utc(last)}"

    def _find_growth(self) -> Iterator[str]:
        for (pid, name), usages in self.lives.items():
            if pair := _find_edges(usages):
                first, last = pair
                grown = last.memory_bytes - first.memory_bytes
                if grown > max(_MAX_MORE_BYTES, (_MAX_MEMORY_GROWTH - 1) * first.memory_bytes):
                    yield f"the memory of {name} ({pid}) grew by {grown / 1e6:.0f} MB"
                if last.handles > first.handles + _MAX_MORE_HANDLES:
                    yield f"{name} ({pid}) has {last.handles} handles, {first.handles} before"


def list_titles(webhook: ScriptedServer) -> list[str]:
    """List subject and text of each message that the webhook got."""
    return [
        f"{one['title']}: {one['fallback']}"
        for request in webhook.requests
        for one in orjson.loads(request.body).get("attachments", ())
    ]


def _find_edges(usages: list[Usage]) -> tuple[Usage, Usage] | None:
    """Return the medians at the beginning and at the end of a life; None for a short one."""
    warm = [usage for usage in usages if usage.at >= _WARM_UP_SECONDS]
    if len(warm) < 20:
        return None
    return _take_median(warm[:10]), _take_median(warm[-10:])


def _take_median(usages: list[Usage]) -> Usage:
    middle = len(usages) // 2
    return Usage(
        usages[middle].at,
        sorted(usage.memory_bytes for usage in usages)[middle],
        sorted(usage.handles for usage in usages)[middle],
    )


def _is_run(process: psutil.Process) -> bool:
    """Whether it is the process of a run: the child of one that forks for a code server."""
    try:
        parent = process.parent()
        return parent is not None and _is_run_parent(parent)
    except psutil.NoSuchProcess:
        return False


def _is_code_server(process: psutil.Process) -> bool:
    return {"api", "grpc"} <= set(process.cmdline())


def _is_run_parent(process: psutil.Process) -> bool:
    """Whether it is the process of a code server that forks for each run."""
    parent = process.parent()
    return (
        parent is not None
        and _is_code_server(parent)
        and any("forkserver" in word for word in process.cmdline())
    )


def _name_process(
    process: psutil.Process, tree: Tree, programs: Mapping[str, Program]
) -> str | None:
    """Return the program that a process is, or its part in a code server; None for any other."""
    for name in programs:
        if tree.is_running(name) and process.pid == tree.get_process(name).pid:
            return name
    if _is_run_parent(process):
        return "a parent of runs"
    return "a code server" if _is_code_server(process) else None


def _find_failed(runs: list[dict[str, Any]]) -> Iterator[str]:
    """Find runs whose last attempt failed: those of killed processes are retried."""
    last: dict[str, dict[str, Any]] = {}
    for run in runs:  # newest first
        last.setdefault(run["rootRunId"], run)
    for run in last.values():
        if run["status"] != "SUCCESS":
            yield f"run {run['runId']} of {run['jobName']} is {run['status']}"
