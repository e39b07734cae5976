"""What /health and /metrics look at: the warehouse, the lake and Dagster."""

from crypto_assets.api.dependencies import ApiContext
from crypto_assets.health_monitor import HealthMonitor


def create_health_checks(parts: ApiContext) -> HealthMonitor:
    """Each part by its name there."""
    # Shorter than our own patience, so that its reason is told.
    dagster = parts.orchestrator.with_timeout((1.0, 4.0))

    def check_lakes() -> None:
        for lake in (parts.platform.raw_lake, parts.platform.archive_lake):
            lake.check_writable()

    return HealthMonitor(
        {
            "warehouse": parts.platform.warehouse.require_ready,
            "lake": check_lakes,
            "dagster": dagster.require_healthy_daemons,
        }
    )
