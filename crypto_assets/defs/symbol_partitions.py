"""Sensors that add tracked symbols as partitions and backfill their history."""

import json
from collections.abc import Iterator

import dagster as dg

from crypto_assets.dagster_ext.active_runs import find_active_run
from crypto_assets.dagster_ext.asset_job import AssetJob
from crypto_assets.defs.backfill import backfill_job, split_dates
from crypto_assets.defs.markets import DEFAULT_MARKET, MarketSpec
from crypto_assets.defs.partitions import MarketPartitions, range_tags
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import day_of
from crypto_assets.orchestrator.run_queue import (
    AUTOMATIC_BACKFILL_TAGS,
    BACKFILLED_SYMBOL_TAG,
    RUN_CLASS_TAG,
    RunClass,
)
from crypto_assets.pipeline.control.bootstrap import follow_symbols
from crypto_assets.pipeline.ingestion import tick_plan

_ANY_BACKFILL = {RUN_CLASS_TAG: RunClass.BACKFILL.value}
# Of how many holes an evaluation requests a part.
_MAX_HOLES = 4


def build_symbols_sensor(market: MarketSpec, job: AssetJob) -> dg.SensorDefinition:
    """Build the sensor that gives each tracked symbol its partitions; `job` is the backfill."""

    @dg.sensor(
        name=market.prefix_name("symbols"),
        job=job,
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Adds a partition for each tracked symbol, and backfills symbols that are "
        "added.",
        required_resource_keys={market.resource_key},
    )
    def symbols_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Add missing partitions; partitions are never deleted, since their data stays.

        The cursor contains the symbols of earlier evaluations. Symbols of the first evaluation get
        no backfill: they come from `init`, and the user decides how far back to load them.
        """
        platform, partitions = market.get_platform(context), market.partitions
        refused = list(market.refused_symbols)
        try:
            if not market.is_default:
                unlisted = follow_symbols(platform, market.settings.symbols, partitions.start)
                refused += [f"the exchange does not list {name}" for name in unlisted]
            tracked = [symbol.name for symbol in platform.warehouse.symbols.list_tracked()]
            observed = json.loads(context.cursor) if context.cursor else tracked
            added = [name for name in tracked if name not in observed]
            # Requests the exchange's time only if symbols were added.
            requests = [
                request
                for name in added
                for request in _build_backfill_requests(
                    partitions,
                    tick_plan.MissingDays(name, partitions.start, day_of(platform.exchange_now())),
                    "first",
                )
            ]
        except CryptoAssetsError as error:
            return dg.SkipReason(str(error))
        problems = "".join(f"; not tracked: {problem}" for problem in refused)
        if not tracked:
            return dg.SkipReason(f"no symbol is tracked yet{problems}")
        missing = partitions.list_unpartitioned_symbols(context.instance, tracked)
        reason = f"nothing to do: all {len(tracked)} tracked symbols have partitions{problems}"
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else dg.SkipReason(reason),
            dynamic_partitions_requests=[partitions.symbols_def.build_add_request(missing)]
            if missing
            else [],
            cursor=json.dumps([*observed, *added]),
        )

    return symbols_sensor


def build_catch_up_sensor(market: MarketSpec, job: AssetJob) -> dg.SensorDefinition:
    """Build the sensor that backfills missing days; `job` is the backfill."""

    @dg.sensor(
        name=market.prefix_name("catch_up"),
        job=job,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Launches a backfill for each symbol with more than two consecutive missing "
        "days.",
        required_resource_keys={market.resource_key},
    )
    def catch_up_sensor(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Request backfills of missing days after and before a symbol's newest candle.

        A symbol with an active backfill is skipped. A failed backfill is requested again on the
        next day, or at once if its first missing day has changed. Days before the newest candle
        wait until no backfill is active, and are then requested a part at a time: a few days of
        years ago must neither fill the queue nor take the exchange's limits from others.
        """
        platform, partitions = market.get_platform(context), market.partitions
        try:
            missing, today = tick_plan.list_missing_days(platform), day_of(platform.exchange_now())
        except CryptoAssetsError as error:
            yield dg.SkipReason(str(error))
            return
        if not missing:
            yield dg.SkipReason("nothing to do: no symbol is more than two days behind")
            return
        instance, names = context.instance, dict.fromkeys(days.symbol for days in missing)
        waiting = [
            symbol
            for symbol in partitions.list_partitioned_symbols(instance, names)
            if not find_active_run(instance, job.name, tags={BACKFILLED_SYMBOL_TAG: symbol})
        ]
        reason = f"a backfill is active, or no partition exists yet: {', '.join(names)}"
        occasion = f"missing on {today} from"
        due = [days for days in missing if days.symbol in waiting]
        requests = [
            request
            for days in due
            if not days.is_hole
            for request in _build_backfill_requests(partitions, days, occasion)
        ]
        holes = [days for days in due if days.is_hole]
        if holes and (active := find_active_run(instance, None, tags=_ANY_BACKFILL)):
            holes, reason = [], f"older days wait for the backfill of run {active[:8]}"
        for days in holes[:_MAX_HOLES]:
            requests += _build_backfill_requests(partitions, days, occasion)[:1]
        if not requests:
            yield dg.SkipReason(reason)
        yield from requests

    return catch_up_sensor


def _build_backfill_requests(
    partitions: MarketPartitions, days: tick_plan.MissingDays, occasion: str
) -> list[dg.RunRequest]:
    """Request runs of limited size over a range of UTC days.

    `occasion` is a part of the run key, with which Dagster launches each run once. Days before
    START_DATE have no partitions.
    """
    start = max(days.first, partitions.start)
    dates = partitions.list_date_keys(start, days.last) if start <= days.last else []
    tags = {**AUTOMATIC_BACKFILL_TAGS, BACKFILLED_SYMBOL_TAG: days.symbol}
    runs = [rectangle.partition_keys for rectangle in split_dates(dates, (days.symbol,))]
    return [
        dg.RunRequest(
            run_key=f"{occasion} {keys[0]}", tags={**tags, **range_tags(keys[0], keys[-1])}
        )
        for keys in runs
    ]


symbols_sensor = build_symbols_sensor(DEFAULT_MARKET, backfill_job)
catch_up_sensor = build_catch_up_sensor(DEFAULT_MARKET, backfill_job)
