"""Prometheus metrics: candles, lag and gaps per symbol, storage, runs and component health."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from crypto_assets.api.dependencies import ApiContext
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.health_monitor import CHECK_REQUEST_SECONDS, HealthMonitor
from crypto_assets.market.staleness import SymbolState
from crypto_assets.market.utc_time import DAY_MS, now_ms
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.reports import Reports, StatusReport, SymbolStatusReport

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
    registry.register(_PipelineCollector(context.reports, dagster, health))
    return registry


class _PipelineCollector(Collector):
    """Collect metrics at each scrape; a failing component has `up` 0 and no other metrics."""

    def __init__(self, reports: Reports, orchestrator: Orchestrator, health: HealthMonitor) -> None:
        self._reports = reports
        self._orchestrator = orchestrator
        self._health = health

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        failures = self._health.check_all()
        up = _create_gauge("up", "1 if the component works, else 0.", "part")
        for component, failure in failures.items():
            up.add_metric([component], failure is None)
        yield up
        if failures["warehouse"] is None:
            yield from self._collect_symbol_metrics()
        if failures["dagster"] is None:
            yield from self._collect_run_counts()

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


def _create_gauge(name: str, help_text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"crypto_assets_{name}", help_text, labels=labels)
