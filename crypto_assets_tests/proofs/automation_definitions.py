"""The assets that `automation.py` measures: the four klines assets, which only log their keys.

The environment variable AUTOMATION selects what launches them each minute: `schedule`, or the
seconds between two evaluations of their automation conditions.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

SYMBOLS = tuple(f"SYM{number:02}USDT" for number in range(20))
NAMES = ("raw_klines", "fact_klines", "hourly_klines", "daily_klines")
AUTOMATION_VARIABLE = "AUTOMATION"
DAYS_VARIABLE = "AUTOMATION_DAYS"
SCHEDULE = "schedule"
_DATE_FORMAT = "%Y-%m-%d"

automation = os.environ.get(AUTOMATION_VARIABLE, SCHEDULE)
start = datetime.now(UTC) - timedelta(days=int(os.environ.get(DAYS_VARIABLE, "365")) - 1)
dates = dg.DailyPartitionsDefinition(start_date=start.strftime(_DATE_FORMAT), end_offset=1)
symbols = dg.DynamicPartitionsDefinition(name="symbols")
minutely = dg.AutomationCondition.on_cron("* * * * *")


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            name,
            deps=NAMES[max(0, number - 1) : number],
            skippable=True,
            automation_condition=None if automation == SCHEDULE else minutely,
        )
        for number, name in enumerate(NAMES)
    ],
    partitions_def=dg.MultiPartitionsDefinition({"date": dates, "symbol": symbols}),
    backfill_policy=dg.BackfillPolicy.multi_run(400),
    can_subset=True,
)
def klines(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    for asset in context.selected_asset_keys:
        for key in context.partition_keys:
            context.log_event(dg.AssetMaterialization(asset, partition=key))
    yield from ()


job = dg.define_asset_job("ingest", selection=dg.AssetSelection.assets(*NAMES))


@dg.schedule(
    job=job,
    cron_schedule="* * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def every_minute(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    today = context.scheduled_execution_time.strftime(_DATE_FORMAT)
    return dg.RunRequest(
        tags={
            "dagster/asset_partition_range_start": f"{today}|{SYMBOLS[0]}",
            "dagster/asset_partition_range_end": f"{today}|{SYMBOLS[-1]}",
        }
    )


if automation == SCHEDULE:
    defs = dg.Definitions(
        assets=[klines], jobs=[job], schedules=[every_minute], executor=dg.in_process_executor
    )
else:
    sensor = dg.AutomationConditionSensorDefinition(
        "conditions",
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=int(automation),
    )
    defs = dg.Definitions(assets=[klines], sensors=[sensor], executor=dg.in_process_executor)
