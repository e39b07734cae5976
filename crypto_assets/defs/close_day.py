"""Closing days: fetch each ended day again, aggregate it and evaluate its asset checks."""

from collections.abc import Iterator

import dagster as dg

from crypto_assets.dagster_ext.asset_job import AssetJob
from crypto_assets.defs.markets import DEFAULT_MARKET, MarketSpec
from crypto_assets.defs.owners import JOB_OWNERS
from crypto_assets.defs.partitions import NO_PARTITIONS_REASON, group_adjacent_dates
from crypto_assets.defs.run_partitions import PartitionRectangle
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.orchestrator.run_queue import INGEST_MODE_TAG, RunClass, build_run_tags
from crypto_assets.pipeline.ingestion.close_day import list_due_days
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.stages.symbol_status import refresh_statuses
from crypto_assets.service_waiter import limit_exchange_wait

_TAGS = build_run_tags(RunClass.CLOSE_DAY)


def build_close_day_job(market: MarketSpec) -> AssetJob:
    """Build the job that closes days."""
    return dg.define_asset_job(
        market.prefix_name("close_day"),
        # Its step evaluates the checks per partition; Dagster would plan selected ones without one.
        selection=market.select_klines().without_checks(),
        description="Fetches, loads, aggregates and checks yesterday, the day a week ago, and "
        "days whose archive was published late.",
        tags={**_TAGS, INGEST_MODE_TAG: IngestMode.CLOSING.value},
        **JOB_OWNERS,
    )


def build_close_day_schedule(market: MarketSpec, job: AssetJob) -> dg.ScheduleDefinition:
    """Build the schedule that closes days."""

    @dg.schedule(
        name=market.prefix_name("close_day_schedule"),
        job=job,
        cron_schedule=["10 0 * * *", "0 7 * * *"],
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Fetches closed days again, from the archive if possible, and checks them.",
        required_resource_keys={market.resource_key},
    )
    def close_day_schedule(
        context: dg.ScheduleEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Request one run per contiguous range of due days, for all symbols."""
        platform, partitions = market.get_platform(context), market.partitions
        try:
            with limit_exchange_wait():
                refresh_statuses(platform)
                due = list_due_days(platform)
            tracked = [symbol.name for symbol in platform.warehouse.symbols.list_tracked()]
        except CryptoAssetsError as error:
            yield dg.SkipReason(str(error))
            return
        known = partitions.list_partitioned_symbols(context.instance, tracked)
        if not known:
            yield dg.SkipReason(NO_PARTITIONS_REASON)
            return
        # None, while START_DATE is today.
        due = [day for day in due if partitions.has_partitions(day, day)]
        if not due:
            yield dg.SkipReason("no day since START_DATE has closed")
            return
        due_keys = {partitions.date_key(day) for day in due}
        keys = partitions.list_date_keys(due[0], due[-1])
        for dates in group_adjacent_dates(keys, due_keys):
            rectangle = PartitionRectangle(dates, tuple(known))
            yield dg.RunRequest(
                run_key=f"{context.scheduled_execution_time.isoformat()} {dates[0]}..{dates[-1]}",
                run_config=rectangle.build_run_config(market.klines_op),
                tags={**_TAGS, **rectangle.description_tags},
            )

    return close_day_schedule


close_day_job = build_close_day_job(DEFAULT_MARKET)
close_day_schedule = build_close_day_schedule(DEFAULT_MARKET, close_day_job)
