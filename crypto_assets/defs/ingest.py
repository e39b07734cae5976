"""Ticks: the schedules that fetch new candles and order books of all symbols in one run.

They are not automation conditions: a condition creates its run 36 s after the minute instead of
0.6 s, skips minutes, and stores 160 MB of evaluations an hour (measured, see docs/architecture.md).
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import dagster as dg

from crypto_assets.dagster_ext.active_runs import find_active_run
from crypto_assets.dagster_ext.asset_job import AssetJob
from crypto_assets.defs.assets.order_books import build_order_books_op
from crypto_assets.defs.markets import DEFAULT_MARKET, MarketSpec
from crypto_assets.defs.owners import JOB_OWNERS
from crypto_assets.defs.partitions import NO_PARTITIONS_REASON
from crypto_assets.defs.run_partitions import PartitionRectangle
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.orchestrator.run_queue import INGEST_MODE_TAG, RunClass, build_run_tags
from crypto_assets.pipeline.ingestion import tick_plan
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.stages.results import KlinesStage, OrderBookStage
from crypto_assets.service_waiter import limit_exchange_wait

_TAGS = build_run_tags(RunClass.TICK)
# A tick does not wait for an older run: it hangs, or its whole process tree was killed.
_RUN_TIMEOUT = timedelta(minutes=15)


def build_ingest_job(market: MarketSpec) -> AssetJob:
    """Build the job of a tick of candles."""
    return dg.define_asset_job(
        market.prefix_name("ingest"),
        selection=market.select_klines().without_checks(),
        description="Fetches the candles that closed since each symbol's newest one.",
        tags={**_TAGS, INGEST_MODE_TAG: IngestMode.TAIL.value},
        **JOB_OWNERS,
    )


def build_order_books_job(market: MarketSpec) -> dg.JobDefinition:
    """Build the job of a tick of order books."""
    capture_books = build_order_books_op(market, market.order_books_op, OrderBookStage)

    @dg.job(
        name=market.prefix_name("order_books"),
        description="Captures an order-book snapshot of each symbol and loads it into facts.",
        tags={**_TAGS, INGEST_MODE_TAG: IngestMode.TAIL.value},
        **JOB_OWNERS,
    )
    def order_books_job() -> None:
        capture_books()

    return order_books_job


def build_ingest_schedule(market: MarketSpec, job: AssetJob) -> dg.ScheduleDefinition:
    """Build the schedule that launches ticks of candles."""

    @dg.schedule(
        name=market.prefix_name("ingest_schedule"),
        job=job,
        cron_schedule="* * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Fetches new candles of all symbols. Evaluated each minute; launches a run at "
        "the ingest interval.",
        required_resource_keys={market.resource_key},
    )
    def ingest_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Request one run for all symbols, from the day of the oldest watermark to today."""
        platform = market.get_platform(context)
        return _build_tick_request(
            market,
            context,
            job.name,
            market.klines_op,
            lambda at: tick_plan.plan_ingest_tick(platform, at),
            _list_due_stages,
        )

    return ingest_schedule


def build_order_books_schedule(market: MarketSpec, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Build the schedule that launches ticks of order books."""

    @dg.schedule(
        name=market.prefix_name("order_books_schedule"),
        job=job,
        cron_schedule="* * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Captures order books of all symbols. Evaluated each minute; launches a run "
        "at the order-book interval.",
        required_resource_keys={market.resource_key},
    )
    def order_books_schedule(
        context: dg.ScheduleEvaluationContext,
    ) -> dg.RunRequest | dg.SkipReason:
        """Request one run for all symbols, on today's partitions."""
        platform = market.get_platform(context)
        return _build_tick_request(
            market,
            context,
            job.name,
            market.order_books_op,
            lambda at: tick_plan.plan_order_book_tick(platform, at),
            lambda _: None,
        )

    return order_books_schedule


def _build_tick_request(
    market: MarketSpec,
    context: dg.ScheduleEvaluationContext,
    job_name: str,
    op_name: str,
    plan_tick: Callable[[datetime], tick_plan.TickPlan],
    list_stages: Callable[[tick_plan.TickPlan], Sequence[KlinesStage] | None],
) -> dg.RunRequest | dg.SkipReason:
    """Request one run over the planned days and symbols, or return the reason to skip.

    `list_stages` returns None for a job without a selection of assets.
    """
    try:
        with limit_exchange_wait():
            tick = plan_tick(context.scheduled_execution_time)
    except CryptoAssetsError as error:
        return dg.SkipReason(str(error))
    if not tick.is_due:
        return dg.SkipReason(f"not due: the interval is {tick.interval_minutes} minutes")
    if active := find_active_run(context.instance, job_name, _RUN_TIMEOUT):
        return dg.SkipReason(f"run {active[:8]} of an earlier tick is still active")
    if not tick.symbols:
        return dg.SkipReason("no tracked symbol is trading and up to date enough for a tick")
    known = market.partitions.list_partitioned_symbols(context.instance, tick.symbols)
    if not known:
        return dg.SkipReason(NO_PARTITIONS_REASON)
    dates = market.partitions.list_date_keys(tick.first_day, tick.last_day)
    rectangle = PartitionRectangle(tuple(dates), tuple(known))
    stages = list_stages(tick)
    return dg.RunRequest(
        run_config=rectangle.build_run_config(op_name),
        asset_selection=None if stages is None else list(map(market.asset_key, stages)),
        # With an empty list, Dagster adds none of the checks of the assets.
        asset_check_keys=None if stages is None else [],
        tags={**_TAGS, **rectangle.description_tags},
    )


def _list_due_stages(tick: tick_plan.TickPlan) -> list[KlinesStage]:
    """List the stages of a tick; hours and days only if one has closed, to save their overhead."""
    return list(KlinesStage) if tick.has_closed_hour else [KlinesStage.RAW, KlinesStage.FACTS]


ingest_job = build_ingest_job(DEFAULT_MARKET)
order_books_job = build_order_books_job(DEFAULT_MARKET)
ingest_schedule = build_ingest_schedule(DEFAULT_MARKET, ingest_job)
order_books_schedule = build_order_books_schedule(DEFAULT_MARKET, order_books_job)
