"""The checks behind /health and /metrics: the warehouse, the lake and Dagster."""

from crypto_assets.api.dependencies import ApiContext
from crypto_assets.health_monitor import CHECK_REQUEST_SECONDS, HealthMonitor


def create_health_checks(context: ApiContext) -> HealthMonitor:
    """Create a check for each component, by its name in the response."""
    dagster = context.orchestrator.with_timeout(CHECK_REQUEST_SECONDS)

    def check_lakes() -> None:
        for lake in (context.pipeline.raw_lake, context.pipeline.archive_lake):
            lake.check_writable()

    def check_warehouse() -> None:
        """Read the primary, and the replica if the API reads from one."""
        context.pipeline.warehouse.require_ready()
        context.reports.get_replica_lag()

    return HealthMonitor(
        {
            "warehouse": check_warehouse,
            "lake": check_lakes,
            "dagster": dagster.require_healthy_daemons,
        }
    )
