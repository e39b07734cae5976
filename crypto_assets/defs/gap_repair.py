"""Repairs between ticks: retry open gaps, load orphaned objects, compute stale hours and days."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import dagster as dg

from crypto_assets.dagster_ext.active_runs import find_active_run
from crypto_assets.dagster_ext.asset_job import AssetJob
from crypto_assets.defs.assets.order_books import build_order_books_op
from crypto_assets.defs.backfill import backfill_job
from crypto_assets.defs.markets import DEFAULT_MARKET, MarketSpec
from crypto_assets.defs.owners import JOB_OWNERS
from crypto_assets.defs.partitions import MarketPartitions
from crypto_assets.defs.run_partitions import PartitionRectangle
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, floor_ms
from crypto_assets.orchestrator.run_queue import INGEST_MODE_TAG, RunClass, build_run_tags
from crypto_assets.pipeline.gaps.holes import record_holes
from crypto_assets.pipeline.ingestion.gap_retry import get_gap_days, list_due_gaps
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.ingestion.tick_plan import is_long_gap
from crypto_assets.pipeline.recovery.orphaned_objects import (
    UnfinishedDays,
    find_orphaned_objects,
    find_uncomputed_days,
)
from crypto_assets.pipeline.stages.results import KlinesStage, OrderBookStage
from crypto_assets.service_waiter import limit_exchange_wait
from crypto_assets.warehouse import Gap

_TAGS = build_run_tags(RunClass.REPAIR)
# An older run that is still active is assumed to hang, and does not block new ones.
_RUN_TIMEOUT = timedelta(minutes=15)
_LOADED_ASSETS = [stage for stage in KlinesStage if stage is not KlinesStage.RAW]


def build_repair_gaps_job(market: MarketSpec) -> AssetJob:
    """Build the job that retries gaps."""
    return dg.define_asset_job(
        market.prefix_name("mend_gaps"),
        selection=market.select_klines().without_checks(),
        description="Requests the missing minutes of each gap whose next attempt is due.",
        tags={**_TAGS, INGEST_MODE_TAG: IngestMode.GAPS.value},
        **JOB_OWNERS,
    )


def build_load_objects_job(market: MarketSpec) -> AssetJob:
    """Build the job that loads orphaned objects of candles."""
    return dg.define_asset_job(
        market.prefix_name("load_leftovers"),
        selection=market.select_assets(_LOADED_ASSETS).without_checks(),
        description="Loads unloaded objects of the lake into facts, and computes their hours and "
        "days.",
        tags=_TAGS,
        **JOB_OWNERS,
    )


def build_load_books_job(market: MarketSpec) -> dg.JobDefinition:
    """Build the job that loads orphaned order books.

    Separate from the job `order_books`, whose schedule waits for that job's earlier run.
    """
    load_books = build_order_books_op(market, market.load_books_op, [OrderBookStage.FACTS])

    @dg.job(
        name=market.prefix_name("load_leftover_books"),
        description="Loads unloaded order books of the lake into facts.",
        tags=_TAGS,
        **JOB_OWNERS,
    )
    def load_books_job() -> None:
        load_books()

    return load_books_job


def build_gaps_sensor(market: MarketSpec, job: AssetJob) -> dg.SensorDefinition:
    """Build the sensor that retries gaps."""

    @dg.sensor(
        name=market.prefix_name("gaps"),
        job=job,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Retries open gaps with exponential backoff, at least once a day.",
        required_resource_keys={market.resource_key},
    )
    def gaps_sensor(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Request one run per symbol, over the days from its first due gap to its last.

        Long gaps are left to the sensor `catch_up`, whose backfill uses the archive.
        """
        platform = market.get_platform(context)
        try:
            with limit_exchange_wait():
                due, now = list_due_gaps(platform), platform.exchange_now()
        except CryptoAssetsError as error:
            yield dg.SkipReason(str(error))
            return
        if active := find_active_run(context.instance, job.name, _RUN_TIMEOUT):
            yield dg.SkipReason(f"run {active[:8]} is still repairing gaps")
            return
        known = set(market.partitions.list_known_symbols(context.instance))
        gaps: defaultdict[str, list[Gap]] = defaultdict(list)
        for gap in due:
            if gap.symbol in known and not is_long_gap(gap):
                gaps[gap.symbol].append(gap)
        requests = [
            _build_gap_request(market, symbol, due_gaps, now) for symbol, due_gaps in gaps.items()
        ]
        yield from _requests_or_skip([request for request in requests if request], "no gap is due")

    return gaps_sensor


def build_orphaned_objects_sensor(
    market: MarketSpec, objects_job: AssetJob, books_job: dg.JobDefinition, backfill: AssetJob
) -> dg.SensorDefinition:
    """Build the sensor that launches the two loading jobs."""

    @dg.sensor(
        name=market.prefix_name("leftovers"),
        jobs=[objects_job, books_job],
        minimum_interval_seconds=600,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Loads objects that an interrupted run stored but did not load, and computes "
        "the hours and days that are still stale.",
        required_resource_keys={market.resource_key},
    )
    def orphaned_objects_sensor(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Request one run per range of days of a symbol; load a symbol's objects first.

        Also records holes, which a killed run has not: `catch_up` and `gaps` then fetch them.
        """
        platform, partitions = market.get_platform(context), market.partitions
        try:
            with limit_exchange_wait():
                record_holes(platform, platform.closed_before())
                unloaded = find_orphaned_objects(platform)
                uncomputed = find_uncomputed_days(platform)
                now = platform.exchange_now()
        except CryptoAssetsError as error:
            yield dg.SkipReason(str(error))
            return
        for job in (objects_job, books_job):
            if active := find_active_run(context.instance, job.name, _RUN_TIMEOUT):
                yield dg.SkipReason(f"run {active[:8]} is still loading")
                return
        known = set(partitions.list_known_symbols(context.instance))
        requests = [
            _build_load_request(market, objects_job, books_job, days)
            for days in unloaded
            if days.symbol in known and partitions.has_partitions(days.first, days.last)
        ]
        loading = {days.symbol for days in unloaded}
        # A running backfill computes what it loads itself, at its end.
        if not find_active_run(context.instance, backfill.name):
            requests += [
                _build_compute_request(market, objects_job, days, now)
                for days in uncomputed
                if days.symbol in known - loading
                and partitions.has_partitions(days.first, days.last)
            ]
        yield from _requests_or_skip(requests, "no object with a partition waits to be loaded")

    return orphaned_objects_sensor


def _requests_or_skip(
    requests: Sequence[dg.RunRequest], reason: str
) -> Sequence[dg.RunRequest | dg.SkipReason]:
    """Return the requests, or the reason if there are none: Dagster rejects a tick with both."""
    return requests or [dg.SkipReason(reason)]


def _build_load_request(
    market: MarketSpec, objects_job: AssetJob, books_job: dg.JobDefinition, days: UnfinishedDays
) -> dg.RunRequest:
    is_book = days.kind is ObjectKind.DEPTH
    rectangle = _build_rectangle(market.partitions, days.symbol, days.first, days.last)
    return dg.RunRequest(
        job_name=books_job.name if is_book else objects_job.name,
        run_config=rectangle.build_run_config(
            market.load_books_op if is_book else market.klines_op
        ),
        tags={**_TAGS, **rectangle.description_tags},
    )


def _build_compute_request(
    market: MarketSpec, job: AssetJob, days: UnfinishedDays, now_ms: int
) -> dg.RunRequest:
    """Request the loading job, which also computes; once per hour, in case it cannot succeed."""
    hour = floor_ms(now_ms, HOUR_MS)
    rectangle = _build_rectangle(market.partitions, days.symbol, days.first, days.last)
    return dg.RunRequest(
        job_name=job.name,
        run_key=f"{days.symbol} {days.first} {days.last} {hour}",
        run_config=rectangle.build_run_config(market.klines_op),
        tags={**_TAGS, **rectangle.description_tags},
    )


def _build_gap_request(
    market: MarketSpec, symbol: str, gaps: Sequence[Gap], now_ms: int
) -> dg.RunRequest | None:
    """Build the request, or None if the days have no partitions.

    The run key avoids a second run before the first one has recorded its attempt.
    """
    days = [day for gap in gaps for day in get_gap_days(gap)]
    first, last = min(days), max(days)
    if not market.partitions.has_partitions(first, last):
        return None
    quarter = floor_ms(now_ms, 15 * MINUTE_MS)
    rectangle = _build_rectangle(market.partitions, symbol, first, last)
    return dg.RunRequest(
        run_key=f"{symbol} {gaps[0].start} {sum(gap.attempts for gap in gaps)} {quarter}",
        run_config=rectangle.build_run_config(market.klines_op),
        tags={**_TAGS, **rectangle.description_tags},
    )


def _build_rectangle(
    partitions: MarketPartitions, symbol: str, first: date, last: date
) -> PartitionRectangle:
    return PartitionRectangle(tuple(partitions.list_date_keys(first, last)), (symbol,))


repair_gaps_job = build_repair_gaps_job(DEFAULT_MARKET)
load_orphaned_objects_job = build_load_objects_job(DEFAULT_MARKET)
load_orphaned_books_job = build_load_books_job(DEFAULT_MARKET)
gaps_sensor = build_gaps_sensor(DEFAULT_MARKET, repair_gaps_job)
orphaned_objects_sensor = build_orphaned_objects_sensor(
    DEFAULT_MARKET, load_orphaned_objects_job, load_orphaned_books_job, backfill_job
)
