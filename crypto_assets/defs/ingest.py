"""The ticks: what is new, for all symbols in one run, as often as the settings ask for it."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import dagster as dg

from crypto_assets.dagster_ext.active_runs import find_active_run
from crypto_assets.defs.assets.specs import KLINES_SELECTION, ORDER_BOOKS_SELECTION
from crypto_assets.defs.partitions import date_key, list_partitioned_symbols, rectangle_tags
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.orchestrator.run_classes import INGEST_MODE_TAG, RunClass, build_run_tags
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion import tick_plan
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.stages.results import KlinesStage, OrderBookStage

_TAGS = build_run_tags(RunClass.TICK)
# A run that goes on for longer hangs, or was killed with everything around it: ticks do not wait.
_RUN_TIMEOUT = timedelta(minutes=15)

ingest_job = dg.define_asset_job(
    "ingest",
    selection=KLINES_SELECTION.without_checks(),
    description="What closed since each symbol's newest candle, for all symbols in one run.",
    tags={**_TAGS, INGEST_MODE_TAG: IngestMode.TAIL.value},
)
order_books_job = dg.define_asset_job(
    "order_books",
    selection=ORDER_BOOKS_SELECTION,
    description="One order-book snapshot of each symbol, into the lake and the facts.",
    tags={**_TAGS, INGEST_MODE_TAG: IngestMode.TAIL.value},
)


@dg.schedule(
    job=ingest_job,
    cron_schedule="* * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="New candles of every symbol, at the interval that the settings ask for.",
)
def ingest_schedule(
    context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[PipelineContext]
) -> dg.RunRequest | dg.SkipReason:
    """One run for all symbols, from the oldest watermark's day to today."""
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
    description="An order-book snapshot of every symbol, at the interval of the settings.",
)
def order_books_schedule(
    context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[PipelineContext]
) -> dg.RunRequest | dg.SkipReason:
    """One run for all symbols, on today's partitions."""
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
    stages: Callable[[tick_plan.TickPlan], Sequence[StrEnum]],
) -> dg.RunRequest | dg.SkipReason:
    """One run over the planned days and every symbol, or why there is none this minute."""
    try:
        tick = plan_tick(context.scheduled_execution_time)
    except CryptoAssetsError as error:
        return dg.SkipReason(str(error))
    if not tick.is_due:
        return dg.SkipReason(f"the interval is {tick.interval_minutes} minutes")
    if busy := find_active_run(context.instance, job_name, _RUN_TIMEOUT):
        return dg.SkipReason(f"the run {busy[:8]} of an earlier tick still goes on")
    if not tick.symbols:
        return dg.SkipReason("no tracked symbol is to be asked for: none trades, or none is near")
    known = list_partitioned_symbols(context.instance, tick.symbols)
    if not known:
        return dg.SkipReason("no tracked symbol has partitions yet: the sensor `symbols` adds them")
    days = (date_key(tick.first_day), date_key(tick.last_day))
    return dg.RunRequest(
        asset_selection=[dg.AssetKey(stage.value) for stage in stages(tick)],
        asset_check_keys=[],  # left out, Dagster adds every check of the assets
        tags={**_TAGS, **rectangle_tags(days, known)},
    )


def _list_due_stages(tick: tick_plan.TickPlan) -> list[KlinesStage]:
    """Hours and days only where one has closed: a tick's bookkeeping costs more than its work."""
    return list(KlinesStage) if tick.has_closed_hour else [KlinesStage.RAW, KlinesStage.FACTS]
