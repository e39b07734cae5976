"""Closing days: fetch each ended day again, aggregate it and evaluate its asset checks."""

from collections.abc import Iterator

import dagster as dg

from crypto_assets.defs.assets.specs import KLINES_OP, KLINES_SELECTION
from crypto_assets.defs.owners import OWNERS
from crypto_assets.defs.partitions import (
    NO_PARTITIONS_REASON,
    date_key,
    group_adjacent_dates,
    has_partitions,
    list_date_keys,
    list_partitioned_symbols,
)
from crypto_assets.defs.run_partitions import PartitionRectangle
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.orchestrator.run_queue import INGEST_MODE_TAG, RunClass, build_run_tags
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.close_day import list_due_days
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.stages.symbol_status import refresh_statuses

_TAGS = build_run_tags(RunClass.CLOSE_DAY)

close_day_job = dg.define_asset_job(
    "close_day",
    # Its step evaluates the checks per partition; Dagster would plan selected ones without one.
    selection=KLINES_SELECTION.without_checks(),
    description="Fetches, loads, aggregates and checks yesterday, the day a week ago, and days "
    "whose archive was published late.",
    tags={**_TAGS, INGEST_MODE_TAG: IngestMode.CLOSING.value},
    owners=OWNERS,
)


@dg.schedule(
    job=close_day_job,
    cron_schedule=["10 0 * * *", "0 7 * * *"],
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Fetches closed days again, from the archive if possible, and checks them.",
)
def close_day_schedule(
    context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[PipelineContext]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Request one run per contiguous range of due days, for all symbols."""
    try:
        refresh_statuses(platform)
        due = list_due_days(platform)
        tracked = [symbol.name for symbol in platform.warehouse.symbols.list_tracked()]
    except CryptoAssetsError as error:
        yield dg.SkipReason(str(error))
        return
    known = list_partitioned_symbols(context.instance, tracked)
    if not known:
        yield dg.SkipReason(NO_PARTITIONS_REASON)
        return
    due = [day for day in due if has_partitions(day, day)]  # none, while START_DATE is today
    if not due:
        yield dg.SkipReason("no day since START_DATE has closed")
        return
    due_keys = {date_key(day) for day in due}
    for dates in group_adjacent_dates(list_date_keys(due[0], due[-1]), due_keys):
        rectangle = PartitionRectangle(dates, tuple(known))
        yield dg.RunRequest(
            run_key=f"{context.scheduled_execution_time.isoformat()} {dates[0]}..{dates[-1]}",
            run_config=rectangle.build_run_config(KLINES_OP),
            tags={**_TAGS, **rectangle.description_tags},
        )
