"""The jobs of the group `maintenance`, and when they run."""

import dagster as dg

from crypto_assets.orchestrator.run_classes import RunClass, build_run_tags

_TAGS = build_run_tags(RunClass.MAINTENANCE)

maintenance_job = dg.define_asset_job(
    "maintenance",
    selection=dg.AssetSelection.groups("maintenance"),
    description="Retention: what grows old leaves lake and warehouse, and Dagster's own history.",
    tags=_TAGS,
)
thin_history_job = dg.define_asset_job(
    "thin_history",
    selection=dg.AssetSelection.assets("dagster_history"),
    description="Superseded runs of the live jobs leave Dagster's history, with all their files.",
    tags=_TAGS,
)

maintenance_schedule = dg.ScheduleDefinition(
    name="maintenance_schedule",
    job=maintenance_job,
    cron_schedule="0 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="What has grown old leaves lake, warehouse and Dagster's history, each night.",
)
history_schedule = dg.ScheduleDefinition(
    name="history_schedule",
    job=thin_history_job,
    cron_schedule="50 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Runs of ticks that newer ones supersede leave Dagster's history, each hour.",
)
