"""What Prometheus scrapes: candles, lag and gaps of each symbol, storage, runs, what works."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from crypto_assets.api.dependencies import ApiContext
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.health_monitor import HealthMonitor
from crypto_assets.market.utc_time import DAY_MS, now_ms
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.reports import Reports, StatusReport, SymbolStatusReport

# Of each symbol: the metric's name, what it says, and where it stands.
_SYMBOL_METRICS: tuple[tuple[str, str, Callable[[SymbolStatusReport], float | None]], ...] = (
    ("candles", "Minute candles that are held.", lambda one: one.rows),
    ("coverage_ratio", "Share of minutes held or explained.", lambda one: one.coverage),
    (
        "open_gaps",
        "Unexplained stretches of missing minutes.",
        lambda one: one.open_gaps,
    ),
    ("missing_minutes", "Minutes in them.", lambda one: one.missing_minutes),
    (
        "lag_seconds",
        "Age of the newest candle's end.",
        lambda one: None if one.lag_ms is None else one.lag_ms / 1000,
    ),
    (
        "stale",
        "1 if no new candles arrive by the staleness policy.",
        lambda one: one.is_stale,
    ),
)


def create_metrics_registry(parts: ApiContext, health: HealthMonitor) -> CollectorRegistry:
    """One for each app, so that two in a process do not count together."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    dagster = parts.orchestrator.with_timeout((1.0, 4.0))
    registry.register(_PipelineCollector(parts.reports, dagster, health))
    return registry


class _PipelineCollector(Collector):
    """Asked at each scrape; of a part that does not work there are no figures, and `up` is 0."""

    def __init__(self, reports: Reports, orchestrator: Orchestrator, health: HealthMonitor) -> None:
        self._reports = reports
        self._orchestrator = orchestrator
        self._health = health

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        complaints = self._health.check_all()
        up = _create_gauge("up", "Whether a part works.", "part")
        for part, complaint in complaints.items():
            up.add_metric([part], complaint is None)
        yield up
        if complaints["warehouse"] is None:
            yield from self._collect_symbol_metrics()
        if complaints["dagster"] is None:
            yield from self._collect_run_counts()

    def _collect_symbol_metrics(self) -> Iterator[GaugeMetricFamily]:
        try:
            status = self._reports.get_status()
        except CryptoAssetsError:
            return  # it went after it was looked at; the next scrape says so
        for name, what, figure in _SYMBOL_METRICS:
            gauge = _create_gauge(name, what, "symbol")
            for one in status.symbols:
                if (value := figure(one)) is not None:
                    gauge.add_metric([one.symbol], value)
            yield gauge
        yield from _collect_storage_metrics(status)

    def _collect_run_counts(self) -> Iterator[GaugeMetricFamily]:
        try:
            counts = self._orchestrator.count_runs(now_ms() - DAY_MS)
        except CryptoAssetsError:
            return
        gauge = _create_gauge(
            "runs_24h", "Dagster's runs of the last 24 hours by status.", "status"
        )
        for status, count in counts.items():
            gauge.add_metric([status.lower()], count)
        yield gauge


def _collect_storage_metrics(status: StatusReport) -> Iterator[GaugeMetricFamily]:
    objects = _create_gauge("lake_objects", "Objects in the lake.", "bucket", "kind")
    size = _create_gauge("lake_bytes", "Their size.", "bucket", "kind")
    for total in status.storage.lake:
        objects.add_metric([total.bucket, total.kind], total.objects)
        size.add_metric([total.bucket, total.kind], total.size_bytes)
    warehouse = _create_gauge("warehouse_bytes", "Size of the warehouse, by its server's estimate.")
    warehouse.add_metric([], status.storage.warehouse_bytes)
    yield from (objects, size, warehouse)


def _create_gauge(name: str, what: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"crypto_assets_{name}", what, labels=labels)
