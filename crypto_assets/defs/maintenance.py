"""The jobs and schedules of the asset group `maintenance`."""

import dagster as dg

from crypto_assets.dagster_ext.asset_job import AssetJob
from crypto_assets.defs.assets.maintenance import MAINTENANCE_GROUP
from crypto_assets.defs.markets import DEFAULT_MARKET, MarketSpec
from crypto_assets.defs.owners import JOB_OWNERS
from crypto_assets.orchestrator.run_queue import RunClass, build_run_tags

_TAGS = build_run_tags(RunClass.MAINTENANCE)


def build_maintenance_job(market: MarketSpec) -> AssetJob:
    """Build the job of a market's maintenance assets; the home's also deletes superseded runs."""
    return dg.define_asset_job(
        market.prefix_name("maintenance"),
        selection=dg.AssetSelection.groups(market.prefix_name(MAINTENANCE_GROUP)),
        description="Applies the retention policy to lake and warehouse"
        + (", and deletes superseded runs." if market.is_default else "."),
        tags=_TAGS,
        **JOB_OWNERS,
    )


def build_maintenance_schedule(market: MarketSpec, job: AssetJob) -> dg.ScheduleDefinition:
    """Build the schedule of a market's maintenance job."""
    return dg.ScheduleDefinition(
        name=market.prefix_name("maintenance_schedule"),
        job=job,
        cron_schedule="0 3 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Applies the retention policy"
        + (" and deletes superseded runs" if market.is_default else "")
        + " at 03:00 UTC.",
    )


maintenance_job = build_maintenance_job(DEFAULT_MARKET)
maintenance_schedule = build_maintenance_schedule(DEFAULT_MARKET, maintenance_job)
thin_history_job = dg.define_asset_job(
    "thin_history",
    selection=dg.AssetSelection.assets("dagster_history"),
    description="Deletes superseded runs of automatic jobs with all their files.",
    tags=_TAGS,
    **JOB_OWNERS,
)
history_schedule = dg.ScheduleDefinition(
    name="history_schedule",
    job=thin_history_job,
    cron_schedule="50 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Deletes superseded runs of automatic jobs every hour.",
)
