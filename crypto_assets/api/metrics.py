"""Prometheus metrics: symbols, storage, queue, ticks, checks and the health of the components."""

import platform
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from crypto_assets.api.dependencies import ApiContext
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.health_monitor import CHECK_REQUEST_SECONDS, HealthMonitor
from crypto_assets.installation import VERSION
from crypto_assets.lake import Lake
from crypto_assets.market.exchange_usage import ExchangeUsage
from crypto_assets.market.staleness import SymbolState
from crypto_assets.market.utc_time import DAY_MS, now_ms
from crypto_assets.orchestrator import Instigator, Kind, Orchestrator
from crypto_assets.orchestrator.run_queue import RunClass
from crypto_assets.process_metrics import collect_figures
from crypto_assets.reports import StatusReport, SymbolStatusReport
from crypto_assets.reports.workers import WorkerReport
from crypto_assets.warehouse.stats.pipeline_counts import PipelineCounts

# Per symbol: the name of the metric, its help text, and how to read its value.
_SYMBOL_METRICS: tuple[tuple[str, str, Callable[[SymbolStatusReport], float | None]], ...] = (
    ("candles", "Stored minute candles.", lambda symbol: symbol.rows),
    ("coverage_ratio", "Share of minutes stored or explained.", lambda symbol: symbol.coverage),
    ("open_gaps", "Unexplained gaps.", lambda symbol: symbol.open_gaps),
    ("missing_minutes", "Minutes in unexplained gaps.", lambda symbol: symbol.missing_minutes),
    (
        "lag_seconds",
        "Time since the newest candle ended.",
        lambda symbol: None if symbol.lag_ms is None else symbol.lag_ms / 1000,
    ),
    ("stale", "1 if the symbol is stale, else 0.", lambda symbol: symbol.is_stale),
)


def create_metrics_registry(context: ApiContext, health: HealthMonitor) -> CollectorRegistry:
    """Create a registry per app, so that two apps in one process count separately."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    dagster = context.orchestrator.with_timeout(CHECK_REQUEST_SECONDS)
    registry.register(_PipelineCollector(context, dagster, health))
    if context.metrics_folder:
        registry.register(_ProcessesCollector(context.metrics_folder))
    return registry


class _ProcessesCollector(Collector):
    """Collect at each scrape what the processes of this home have written about themselves."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        return collect_figures(self._folder)


class _PipelineCollector(Collector):
    """Collect metrics at each scrape; a failing component has `up` 0 and no other metrics."""

    def __init__(
        self, context: ApiContext, orchestrator: Orchestrator, health: HealthMonitor
    ) -> None:
        self._reports = context.reports
        self._warehouse = context.pipeline.warehouse
        self._lakes = (context.pipeline.raw_lake, context.pipeline.archive_lake)
        self._orchestrator = orchestrator
        self._health = health

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[Metric]:
        failures = self._health.check_all()
        up = _create_gauge("up", "1 if the component works, else 0.", "part")
        for component, failure in failures.items():
            up.add_metric([component], failure is None)
        yield up
        seconds = _create_gauge("check_seconds", "Duration of the last health check.", "part")
        for component, duration in self._health.list_latest_seconds().items():
            seconds.add_metric([component], duration)
        yield seconds
        yield _describe_build()
        yield _measure_disks(self._lakes)
        # A component that fails after its check is reported by the next scrape.
        if failures["warehouse"] is None:
            yield from self._collect_symbol_metrics()
            with suppress(CryptoAssetsError):
                yield from _collect_workers(self._reports.list_workers())
            with suppress(CryptoAssetsError):
                yield from _collect_counts(self._warehouse.pipeline_counts.read_counts())
            with suppress(CryptoAssetsError):
                yield from _collect_usage(self._warehouse.exchange_usage.read_totals())
        if failures["dagster"] is None:
            yield from self._collect_run_counts()
            with suppress(CryptoAssetsError):
                yield from self._collect_automation()

    def _collect_symbol_metrics(self) -> Iterator[GaugeMetricFamily]:
        try:
            status = self._reports.get_status()
        except CryptoAssetsError:
            return  # the warehouse failed after the check; the next scrape reports it
        for name, help_text, read_value in _SYMBOL_METRICS:
            gauge = _create_gauge(name, help_text, "symbol")
            for symbol in status.symbols:
                if (value := read_value(symbol)) is not None:
                    gauge.add_metric([symbol.symbol], value)
            yield gauge
        states = _create_gauge("symbol_state", "1 for the symbol's state.", "symbol", "state")
        for symbol in status.symbols:
            for state in SymbolState:
                states.add_metric([symbol.symbol, state], symbol.state is state)
        yield states
        yield from _collect_storage_metrics(status)

    def _collect_run_counts(self) -> Iterator[GaugeMetricFamily]:
        try:
            counts = self._orchestrator.count_runs(now_ms() - DAY_MS)
        except CryptoAssetsError:
            return
        gauge = _create_gauge("runs_24h", "Dagster runs of the last 24 hours.", "status")
        for status, count in counts.items():
            gauge.add_metric([status.lower()], count)
        yield gauge

    def _collect_automation(self) -> Iterator[GaugeMetricFamily]:
        instigators = [item for kind in Kind for item in self._orchestrator.list_instigators(kind)]
        yield from _collect_ticks(instigators)
        queue = self._orchestrator.get_queue_lengths()
        runs = _create_gauge("queued_runs", "Queued runs.", "kind")
        ages = _create_gauge("queued_run_age_seconds", "Wait of the oldest queued run.", "kind")
        for name in (*RunClass, *(queue.keys() - set(RunClass))):
            length = queue.get(name)
            runs.add_metric([name], length.runs if length else 0)
            age_ms = now_ms() - length.oldest_created_at if length else 0
            ages.add_metric([name], max(0, age_ms) / 1000)
        yield from (runs, ages)
        daemons = _create_gauge("unhealthy_daemons", "Daemons without a recent heartbeat.")
        daemons.add_metric([], len(self._orchestrator.list_unhealthy_daemons()))
        yield daemons
        failed = _create_gauge(
            "check_failed", "1 if the check failed on the last materialization.", "asset", "check"
        )
        for (asset, check), passed in self._orchestrator.list_check_states().items():
            failed.add_metric([asset, check], not passed)
        yield failed


def _collect_ticks(instigators: Sequence[Instigator]) -> Iterator[GaugeMetricFamily]:
    running = _create_gauge("automation_running", "1 if it is started.", "kind", "name")
    ages = _create_gauge("tick_age_seconds", "Time since the last tick.", "kind", "name")
    seconds = _create_gauge("tick_seconds", "Duration of the last tick.", "kind", "name")
    interval = _create_gauge("sensor_interval_seconds", "How often it ticks.", "kind", "name")
    failed = _create_gauge("tick_failed", "1 if the last tick failed.", "kind", "name")
    for item in instigators:
        labels = [item.kind, item.name]
        running.add_metric(labels, item.running)
        if item.interval_seconds is not None:
            interval.add_metric(labels, item.interval_seconds)
        if tick := item.last_tick:
            ages.add_metric(labels, max(0, now_ms() - tick.at) / 1000)
            failed.add_metric(labels, tick.status == "FAILURE")
            if tick.ended_at is not None:
                seconds.add_metric(labels, (tick.ended_at - tick.at) / 1000)
    yield from (running, ages, seconds, interval, failed)


def _collect_counts(counts: PipelineCounts) -> Iterator[GaugeMetricFamily]:
    for name, help_text, value in (
        ("unloaded_objects", "Objects of the lake that are not loaded.", counts.unloaded_objects),
        ("quarantined_rows", "Rows that were rejected.", counts.quarantined_rows),
        ("revisions", "Candles that the exchange changed.", counts.revisions),
        (
            "exchange_conflicts",
            "Hours and days that differ from the exchange's own.",
            counts.exchange_conflicts,
        ),
        ("unsent_alerts", "Price alerts that were not delivered yet.", counts.unsent_alerts),
    ):
        gauge = _create_gauge(name, help_text)
        gauge.add_metric([], value)
        yield gauge
    delays = _create_gauge(
        "store_delay_seconds", "From the close of the newest candle to its fetch.", "symbol"
    )
    for symbol, delay_ms in counts.store_delays_ms.items():
        delays.add_metric([symbol], delay_ms / 1000)
    yield delays
    backup = _create_gauge("backup_age_seconds", "Time since the last backup began.")
    if counts.last_backup_at is not None:
        backup.add_metric([], max(0, now_ms() - counts.last_backup_at) / 1000)
    yield backup


def _collect_usage(totals: Mapping[str, ExchangeUsage]) -> Iterator[CounterMetricFamily]:
    """Collect what runs have used of the exchange's rate limit; 0 for a class that used nothing."""
    requests = _create_counter("exchange_requests", "Requests of runs to the exchange.", "kind")
    weight = _create_counter("exchange_weight", "Request weight that runs have used.", "kind")
    refusals = _create_counter(
        "exchange_refusals", "Requests that the exchange refused for its limit.", "kind", "status"
    )
    waits = _create_counter("exchange_wait_seconds", "Time that requests waited for it.", "kind")
    for kind in (*RunClass, *(totals.keys() - set(RunClass))):
        usage = totals.get(kind, ExchangeUsage())
        requests.add_metric([kind], usage.requests)
        weight.add_metric([kind], usage.weight)
        refusals.add_metric([kind, "429"], usage.rate_limits)
        refusals.add_metric([kind, "418"], usage.bans)
        waits.add_metric([kind], usage.wait_seconds)
    yield from (requests, weight, refusals, waits)


def _collect_workers(workers: Iterable[WorkerReport]) -> Iterator[GaugeMetricFamily]:
    labels = ("host", "queue")
    ages = _create_gauge("worker_silent_seconds", "Time since the last heartbeat.", *labels)
    processes = _create_gauge("worker_processes", "Runs that it executes at once.", *labels)
    for worker in workers:
        ages.add_metric([worker.host, worker.queue], worker.silent_ms / 1000)
        processes.add_metric([worker.host, worker.queue], worker.processes)
    yield from (ages, processes)


def _describe_build() -> GaugeMetricFamily:
    build = _create_gauge("build_info", "The versions that run.", "version", "python")
    build.add_metric([VERSION, platform.python_version()], 1)
    return build


def _measure_disks(lakes: Iterable[Lake]) -> GaugeMetricFamily:
    """Measure the disks of lakes in directories."""
    free = _create_gauge("disk_free_bytes", "Free space on the disk of a lake.", "bucket")
    for lake in lakes:
        if Path(lake.url).is_dir():
            free.add_metric([lake.bucket], shutil.disk_usage(lake.url).free)
    return free


def _collect_storage_metrics(status: StatusReport) -> Iterator[GaugeMetricFamily]:
    objects = _create_gauge("lake_objects", "Objects in the lake.", "bucket", "kind")
    size = _create_gauge("lake_bytes", "Size of the objects in the lake.", "bucket", "kind")
    for total in status.storage.lake:
        objects.add_metric([total.bucket, total.kind], total.objects)
        size.add_metric([total.bucket, total.kind], total.size_bytes)
    warehouse = _create_gauge("warehouse_bytes", "Size of the warehouse, as its server estimates.")
    warehouse.add_metric([], status.storage.warehouse_bytes)
    lag = _create_gauge("replica_lag_seconds", "How far the replica is behind the primary.")
    lag.add_metric([], status.replica_lag_ms / 1000)
    yield from (objects, size, warehouse, lag)


def _create_counter(name: str, help_text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"crypto_assets_{name}", help_text, labels=labels)


def _create_gauge(name: str, help_text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"crypto_assets_{name}", help_text, labels=labels)
