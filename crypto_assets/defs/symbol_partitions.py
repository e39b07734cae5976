"""Sensors that add tracked symbols as partitions and backfill their history."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice

import dagster as dg

from crypto_assets.dagster_ext.active_runs import find_active_run
from crypto_assets.dagster_ext.asset_job import AssetJob
from crypto_assets.defs.assets.klines import get_keys_per_run
from crypto_assets.defs.backfill import backfill_job, split_dates
from crypto_assets.defs.markets import DEFAULT_MARKET, MarketSpec
from crypto_assets.defs.partitions import MarketPartitions
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
from crypto_assets.service_waiter import limit_exchange_wait
from crypto_assets.warehouse import RegisteredSymbol

_ANY_BACKFILL = {RUN_CLASS_TAG: RunClass.BACKFILL.value}
# Dagster's tags of a run of one partition, and of the run of a request.
_SYMBOL_TAG, _RUN_KEY_TAG = "dagster/partition/symbol", "dagster/run_key"
# Of how many holes an evaluation requests a part.
_MAX_HOLES = 4
# After how many runs an evaluation leaves further symbols to the next one.
_MAX_REQUESTS = 4
_ADD_SYMBOLS_HINT = (
    "a partition adds no symbol: add symbols on the app's Settings page, or to CRYPTO_SYMBOLS and "
    "run `crypto-assets init`"
)


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
        """Add missing partitions, and delete those that no symbol of the warehouse has.

        Untracked symbols keep their partitions, since their data stays.

        The cursor contains the symbols of earlier evaluations that the warehouse still has. Symbols
        of the first evaluation get no backfill: they come from `init`, and the user decides how far
        back to load them. Neither do untracked ones that are tracked again: `catch_up` loads their
        missing days. Symbols beyond the limit of an evaluation are added by the next ones: no other
        sensor shall wait.
        """
        platform, partitions = market.get_platform(context), market.partitions
        refused = list(market.refused_symbols)
        try:
            with limit_exchange_wait():
                if not market.is_default:
                    unlisted = follow_symbols(platform, market.settings.symbols, partitions.start)
                    refused += [f"the exchange does not list {name}" for name in unlisted]
                registered = platform.warehouse.symbols.list_all()
                tracked = [symbol.name for symbol in registered if symbol.is_tracked]
                names = {symbol.name for symbol in registered}
                observed = json.loads(context.cursor) if context.cursor else tracked
                observed = [name for name in observed if name in names]
                added = [name for name in tracked if name not in observed]
                # Requests the exchange's time only if symbols were added.
                today = day_of(platform.exchange_now()) if added else partitions.start
        except CryptoAssetsError as error:
            return dg.SkipReason(str(error))
        problems = "".join(f"; not tracked: {problem}" for problem in refused)
        if not tracked:
            return dg.SkipReason(f"no symbol is tracked yet{problems}")
        histories = [tick_plan.MissingDays(name, partitions.start, today) for name in added]
        begun = _limit_requests(
            (days.symbol, _build_backfill_requests(market, days, "first")) for days in histories
        )
        requests = list(chain.from_iterable(begun.values()))
        missing = partitions.list_unpartitioned_symbols(context.instance, tracked)
        unknown = _list_unknown_partitions(context.instance, partitions, registered)
        reason = f"nothing to do: all {len(tracked)} tracked symbols have partitions{problems}"
        if unknown:
            deleted = f"deleted the partitions of {', '.join(unknown)}: {_ADD_SYMBOLS_HINT}"
            reason = f"{deleted}{problems}"
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else dg.SkipReason(reason),
            dynamic_partitions_requests=[
                *([partitions.symbols_def.build_add_request(missing)] if missing else []),
                *([partitions.symbols_def.build_delete_request(unknown)] if unknown else []),
            ],
            cursor=json.dumps([*observed, *begun]),
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
            with limit_exchange_wait():
                missing = tick_plan.list_missing_days(platform)
                today = day_of(platform.exchange_now())
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
        reason = (
            f"a backfill is active or has run today, or no partition exists yet: {', '.join(names)}"
        )
        occasion = f"missing on {today} from"
        due = [days for days in missing if days.symbol in waiting]

        def build_new_requests(days: tick_plan.MissingDays) -> list[dg.RunRequest]:
            # Dagster launches no run key twice: one of today's must not count towards the limit.
            return [
                request
                for request in _build_backfill_requests(market, days, occasion)
                if not _has_run(instance, job, request)
            ]

        behind = _limit_requests(
            (days.symbol, build_new_requests(days)) for days in due if not days.is_hole
        )
        requests = list(chain.from_iterable(behind.values()))
        holes = [days for days in due if days.is_hole]
        if holes and (active := find_active_run(instance, None, tags=_ANY_BACKFILL)):
            holes, reason = [], f"older days wait for the backfill of run {active[:8]}"
        parts = filter(None, (build_new_requests(days)[:1] for days in holes))
        requests += chain.from_iterable(islice(parts, _MAX_HOLES))
        if not requests:
            yield dg.SkipReason(reason)
        yield from requests

    return catch_up_sensor


def _list_unknown_partitions(
    instance: dg.DagsterInstance,
    partitions: MarketPartitions,
    registered: Iterable[RegisteredSymbol],
) -> list[str]:
    """List the symbols with partitions that are not registered, and have no unfinished run.

    Dagster's dialog of partitions has a button that adds them. The run of such a partition fails
    with the same hint as the sensor's message; later runs of all symbols shall not fail, too.
    """
    names = {symbol.name for symbol in registered}
    return [
        name
        for name in partitions.list_known_symbols(instance)
        if name not in names and not find_active_run(instance, None, tags={_SYMBOL_TAG: name})
    ]


def _has_run(instance: dg.DagsterInstance, job: AssetJob, request: dg.RunRequest) -> bool:
    tags = {_RUN_KEY_TAG: str(request.run_key)}
    runs = dg.RunsFilter(job_name=job.name, tags=tags)
    return bool(instance.get_run_records(runs, limit=1))


def _limit_requests(
    by_symbol: Iterable[tuple[str, list[dg.RunRequest]]],
) -> dict[str, list[dg.RunRequest]]:
    """Return the requests of the first symbols, all of each, up to the limit of an evaluation."""
    limited: dict[str, list[dg.RunRequest]] = {}
    for symbol, requests in by_symbol:
        limited.setdefault(symbol, []).extend(requests)
        if sum(map(len, limited.values())) >= _MAX_REQUESTS:
            break
    return limited


def _build_backfill_requests(
    market: MarketSpec, days: tick_plan.MissingDays, occasion: str
) -> list[dg.RunRequest]:
    """Request runs of limited size over a range of UTC days.

    `occasion` is a part of the run key, with which Dagster launches each run once. Days before
    START_DATE have no partitions. The partitions are in the run config: Dagster would write an
    event for each asset and partition of a run before the daemon evaluates the next sensor.
    """
    partitions = market.partitions
    start = max(days.first, partitions.start)
    dates = partitions.list_date_keys(start, days.last) if start <= days.last else []
    tags = {**AUTOMATIC_BACKFILL_TAGS, BACKFILLED_SYMBOL_TAG: days.symbol}
    return [
        dg.RunRequest(
            run_key=f"{occasion} {rectangle.partition_keys[0]}",
            run_config=rectangle.build_run_config(market.klines_op),
            tags={**tags, **rectangle.description_tags},
        )
        for rectangle in split_dates(dates, (days.symbol,), get_keys_per_run(market))
    ]


symbols_sensor = build_symbols_sensor(DEFAULT_MARKET, backfill_job)
catch_up_sensor = build_catch_up_sensor(DEFAULT_MARKET, backfill_job)
