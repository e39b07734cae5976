"""The nightly job of the group `maintenance`, and when it runs."""

import dagster as dg

maintenance = dg.define_asset_job(
    "maintenance",
    selection=dg.AssetSelection.groups("maintenance"),
    description="Retention: what grows old leaves lake and warehouse.",
    tags={"crypto/kind": "maintenance"},
    executor_def=dg.in_process_executor,
)

maintenance_schedule = dg.ScheduleDefinition(
    name="maintenance_schedule",
    job=maintenance,
    cron_schedule="0 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every night at 03:00 UTC.",
)
