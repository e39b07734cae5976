"""Ticks: the schedules that fetch new candles and order books of all symbols in one run.

They are not automation conditions: a condition creates its run 36 s after the minute instead of
0.6 s, skips minutes, and stores 160 MB of evaluations an hour (measured, see docs/architecture.md).
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import dagster as dg

from crypto_assets.dagster_ext.active_runs import find_active_run
from crypto_assets.defs.assets.specs import KLINES_SELECTION, ORDER_BOOKS_SELECTION
from crypto_assets.defs.owners import OWNERS
from crypto_assets.defs.partitions import (
    NO_PARTITIONS_REASON,
    date_key,
    list_partitioned_symbols,
    rectangle_tags,
)
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.orchestrator.run_queue import INGEST_MODE_TAG, RunClass, build_run_tags
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion import tick_plan
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.stages.results import KlinesStage, OrderBookStage

_TAGS = build_run_tags(RunClass.TICK)
# A tick does not wait for an older run: it hangs, or its whole process tree was killed.
_RUN_TIMEOUT = timedelta(minutes=15)

ingest_job = dg.define_asset_job(
    "ingest",
    selection=KLINES_SELECTION.without_checks(),
    description="Fetches the candles that closed since each symbol's newest one.",
    tags={**_TAGS, INGEST_MODE_TAG: IngestMode.TAIL.value},
    owners=OWNERS,
)
order_books_job = dg.define_asset_job(
    "order_books",
    selection=ORDER_BOOKS_SELECTION,
    description="Captures an order-book snapshot of each symbol and loads it into facts.",
    tags={**_TAGS, INGEST_MODE_TAG: IngestMode.TAIL.value},
    owners=OWNERS,
)


@dg.schedule(
    job=ingest_job,
    cron_schedule="* * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Fetches new candles of all symbols. Evaluated each minute; launches a run at the "
    "ingest interval.",
)
def ingest_schedule(
    context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[PipelineContext]
) -> dg.RunRequest | dg.SkipReason:
    """Request one run for all symbols, from the day of the oldest watermark to today."""
    return _build_tick_request(
        context,
        ingest_job.name,
        lambda at: tick_plan.plan_ingest_tick(platform, at),
        _list_due_stages,
    )


@dg.schedule(
    job=order_books_job,
    cron_schedule="* * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Captures order books of all symbols. Evaluated each minute; launches a run at the "
    "order-book interval.",
)
def order_books_schedule(
    context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[PipelineContext]
) -> dg.RunRequest | dg.SkipReason:
    """Request one run for all symbols, on today's partitions."""
    return _build_tick_request(
        context,
        order_books_job.name,
        lambda at: tick_plan.plan_order_book_tick(platform, at),
        lambda _: list(OrderBookStage),
    )


def _build_tick_request(
    context: dg.ScheduleEvaluationContext,
    job_name: str,
    plan_tick: Callable[[datetime], tick_plan.TickPlan],
    list_stages: Callable[[tick_plan.TickPlan], Sequence[StrEnum]],
) -> dg.RunRequest | dg.SkipReason:
    """Request one run over the planned days and symbols, or return the reason to skip."""
    try:
        tick = plan_tick(context.scheduled_execution_time)
    except CryptoAssetsError as error:
        return dg.SkipReason(str(error))
    if not tick.is_due:
        return dg.SkipReason(f"not due: the interval is {tick.interval_minutes} minutes")
    if active := find_active_run(context.instance, job_name, _RUN_TIMEOUT):
        return dg.SkipReason(f"run {active[:8]} of an earlier tick is still active")
    if not tick.symbols:
        return dg.SkipReason("no tracked symbol is trading and up to date enough for a tick")
    known = list_partitioned_symbols(context.instance, tick.symbols)
    if not known:
        return dg.SkipReason(NO_PARTITIONS_REASON)
    days = (date_key(tick.first_day), date_key(tick.last_day))
    return dg.RunRequest(
        asset_selection=[dg.AssetKey(stage.value) for stage in list_stages(tick)],
        asset_check_keys=[],  # without this, Dagster adds every check of the assets
        tags={**_TAGS, **rectangle_tags(days, known)},
    )


def _list_due_stages(tick: tick_plan.TickPlan) -> list[KlinesStage]:
    """List the stages of a tick; hours and days only if one has closed, to save their overhead."""
    return list(KlinesStage) if tick.has_closed_hour else [KlinesStage.RAW, KlinesStage.FACTS]
