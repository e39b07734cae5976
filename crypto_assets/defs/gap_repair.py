"""What is mended between ticks: open gaps, and objects that a killed run left unloaded."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import dagster as dg

from crypto_assets.dagster_ext.active_runs import find_active_run
from crypto_assets.defs.assets.specs import KLINES_SELECTION
from crypto_assets.defs.backfill import backfill_job
from crypto_assets.defs.partitions import (
    SYMBOL_PARTITIONS_NAME,
    date_key,
    has_partitions,
    rectangle_tags,
)
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, floor_ms
from crypto_assets.orchestrator.run_classes import INGEST_MODE_TAG, RunClass, build_run_tags
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.gap_retry import get_gap_days, list_due_gaps
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.ingestion.tick_plan import is_long_gap
from crypto_assets.pipeline.recovery.orphaned_objects import (
    UnfinishedDays,
    find_orphaned_objects,
    find_uncomputed_days,
)
from crypto_assets.pipeline.stages.results import KlinesStage, OrderBookStage
from crypto_assets.warehouse import Gap

_TAGS = build_run_tags(RunClass.REPAIR)
# A run that hangs is not waited for.
_RUN_TIMEOUT = timedelta(minutes=15)
_LOADED_ASSETS = [stage.value for stage in KlinesStage if stage is not KlinesStage.RAW]

repair_gaps_job = dg.define_asset_job(
    "mend_gaps",
    selection=KLINES_SELECTION.without_checks(),
    description="The exchange is asked again for the open gaps whose next attempt has come.",
    tags={**_TAGS, INGEST_MODE_TAG: IngestMode.GAPS.value},
)
load_orphaned_objects_job = dg.define_asset_job(
    "load_leftovers",
    selection=dg.AssetSelection.assets(*_LOADED_ASSETS).without_checks(),
    description="Objects of the lake that stand unloaded become facts, hours and days.",
    tags=_TAGS,
)
# Not the job of the ticks, each of which waits for an earlier run of its own.
load_orphaned_books_job = dg.define_asset_job(
    "load_leftover_books",
    selection=dg.AssetSelection.assets(OrderBookStage.FACTS.value),
    description="Order books of the lake that stand unloaded become facts.",
    tags=_TAGS,
)


@dg.sensor(
    name="gaps",
    job=repair_gaps_job,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Open gaps are asked for again, each time after twice as long, a day at most.",
)
def gaps_sensor(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[PipelineContext]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run a symbol, over the days from its first due gap to its last; long ones are for
    `catch_up`, which has the archive asked.
    """
    try:
        due, now = (
            [gap for gap in list_due_gaps(platform) if not is_long_gap(gap)],
            platform.exchange_now(),
        )
    except CryptoAssetsError as error:
        yield dg.SkipReason(str(error))
        return
    if busy := find_active_run(context.instance, repair_gaps_job.name, _RUN_TIMEOUT):
        yield dg.SkipReason(f"the run {busy[:8]} still mends")
        return
    requests = [
        _build_gap_request(symbol, [gap for gap in due if gap.symbol == symbol], now)
        for symbol in dict.fromkeys(gap.symbol for gap in due)
        if symbol in context.instance.get_dynamic_partitions(SYMBOL_PARTITIONS_NAME)
    ]
    yield from _requests_or_skip([request for request in requests if request], "no gap is due")


@dg.sensor(
    name="leftovers",
    jobs=[load_orphaned_objects_job, load_orphaned_books_job],
    minimum_interval_seconds=600,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Objects that a killed run left in the lake are loaded after all, and hours and "
    "days that it left stale are computed.",
)
def orphaned_objects_sensor(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[PipelineContext]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run for each stretch of days of a symbol; what is not loaded yet is not computed yet."""
    try:
        found, uncomputed = find_orphaned_objects(platform), find_uncomputed_days(platform)
        now = platform.exchange_now()
    except CryptoAssetsError as error:
        yield dg.SkipReason(str(error))
        return
    for job in (load_orphaned_objects_job, load_orphaned_books_job):
        if busy := find_active_run(context.instance, job.name, _RUN_TIMEOUT):
            yield dg.SkipReason(f"the run {busy[:8]} still loads")
            return
    known = set(context.instance.get_dynamic_partitions(SYMBOL_PARTITIONS_NAME))
    requests = [
        _build_load_request(one)
        for one in found
        if one.symbol in known and has_partitions(one.first, one.last)
    ]
    loading = {one.symbol for one in found}
    if not find_active_run(context.instance, backfill_job.name):  # it computes what it loads, later
        requests += [
            _build_compute_request(one, now)
            for one in uncomputed
            if one.symbol in known - loading and has_partitions(one.first, one.last)
        ]
    yield from _requests_or_skip(requests, "everything in the lake is loaded, or has no partition")


def _requests_or_skip(
    requests: Sequence[dg.RunRequest], reason: str
) -> Sequence[dg.RunRequest | dg.SkipReason]:
    """One or the other: Dagster fails a tick that gives both, and runs nothing."""
    return requests or [dg.SkipReason(reason)]


def _build_load_request(one: UnfinishedDays) -> dg.RunRequest:
    books = one.kind is ObjectKind.DEPTH
    return dg.RunRequest(
        job_name=load_orphaned_books_job.name if books else load_orphaned_objects_job.name,
        tags={**_TAGS, **_build_range_tags(one.symbol, one.first, one.last)},
    )


def _build_compute_request(one: UnfinishedDays, now_ms: int) -> dg.RunRequest:
    """The job that loads also computes. Once an hour: it may have been in vain."""
    hour = floor_ms(now_ms, HOUR_MS)
    return dg.RunRequest(
        job_name=load_orphaned_objects_job.name,
        run_key=f"{one.symbol} {one.first} {one.last} {hour}",
        tags={**_TAGS, **_build_range_tags(one.symbol, one.first, one.last)},
    )


def _build_gap_request(symbol: str, gaps: Sequence[Gap], now_ms: int) -> dg.RunRequest | None:
    """The run key keeps a look that comes before the run has counted its attempt from asking."""
    spans = [get_gap_days(gap) for gap in gaps]
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    if not has_partitions(first, last):
        return None
    quarter = floor_ms(now_ms, 15 * MINUTE_MS)
    return dg.RunRequest(
        run_key=f"{symbol} {gaps[0].start} {sum(gap.attempts for gap in gaps)} {quarter}",
        tags={**_TAGS, **_build_range_tags(symbol, first, last)},
    )


def _build_range_tags(symbol: str, first: date, last: date) -> dict[str, str]:
    return rectangle_tags((date_key(first), date_key(last)), (symbol,))
