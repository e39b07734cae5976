"""The jobs and schedules of the asset group `maintenance`."""

import dagster as dg

from crypto_assets.defs.owners import OWNERS
from crypto_assets.orchestrator.run_queue import RunClass, build_run_tags

_TAGS = build_run_tags(RunClass.MAINTENANCE)

maintenance_job = dg.define_asset_job(
    "maintenance",
    selection=dg.AssetSelection.groups("maintenance"),
    description="Applies the retention policy to lake and warehouse, and deletes superseded runs.",
    tags=_TAGS,
    owners=OWNERS,
)
thin_history_job = dg.define_asset_job(
    "thin_history",
    selection=dg.AssetSelection.assets("dagster_history"),
    description="Deletes superseded runs of automatic jobs with all their files.",
    tags=_TAGS,
    owners=OWNERS,
)

maintenance_schedule = dg.ScheduleDefinition(
    name="maintenance_schedule",
    job=maintenance_job,
    cron_schedule="0 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Applies the retention policy and deletes superseded runs at 03:00 UTC.",
)
history_schedule = dg.ScheduleDefinition(
    name="history_schedule",
    job=thin_history_job,
    cron_schedule="50 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Deletes superseded runs of automatic jobs every hour.",
)
