"""Tracked symbols: they become partitions, and their past is brought, first or once more."""

import json
from collections.abc import Iterator
from datetime import date

import dagster as dg

from crypto_assets.dagster_ext.active_runs import unfinished
from crypto_assets.defs.assets.klines import KEYS_A_RUN
from crypto_assets.defs.backfill import Rectangle, backfill
from crypto_assets.defs.partitions import SYMBOLS, date_keys, known_symbols, symbols
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import day_of
from crypto_assets.orchestrator.run_classes import AUTOMATIC_BACKFILL_TAGS
from crypto_assets.pipeline.context import Platform
from crypto_assets.pipeline.ingestion import tick_plan
from crypto_assets.settings import get_settings

# Whose past an automatic backfill brings.
_PAST_TAG = "crypto/past_of"


@dg.sensor(
    name="symbols",
    job=backfill,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tracked symbols become partitions; one that is added later gets its backfill.",
)
def symbols_sensor(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
) -> dg.SensorResult | dg.SkipReason:
    """Adds what is missing; a partition is never taken away, since its data stays.

    The cursor holds the symbols that were seen. Those of the first look are the first `init`'s:
    their past a person asks for, as far back as they want it.
    """
    try:
        tracked = [symbol.name for symbol in platform.warehouse.symbols.list_tracked()]
        seen = json.loads(context.cursor) if context.cursor else tracked
        newcomers = [name for name in tracked if name not in seen]
        # Nobody asks the exchange for the time unless there are some.
        requests = [
            one
            for name in newcomers
            for one in _past(name, get_settings().start_date, day_of(platform.now()), "first")
        ]
    except CryptoAssetsError as error:
        return dg.SkipReason(str(error))
    if not tracked:
        return dg.SkipReason("no symbol is tracked yet")
    known = set(context.instance.get_dynamic_partitions(SYMBOLS))
    missing = [name for name in tracked if name not in known]
    reason = f"all {len(tracked)} tracked symbols are partitions"
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else dg.SkipReason(reason),
        dynamic_partitions_requests=[symbols.build_add_request(missing)] if missing else [],
        cursor=json.dumps([*seen, *newcomers]),
    )


def _past(symbol: str, first: date, last: date, occasion: str) -> list[dg.RunRequest]:
    """Runs of bounded size over two UTC days and those between, once on each occasion.

    What was imported from before the first partition has none.
    """
    start = max(first, get_settings().start_date)
    dates = date_keys(start, last) if start <= last else []
    parts = [
        Rectangle(tuple(dates[at : at + KEYS_A_RUN]), (symbol,))
        for at in range(0, len(dates), KEYS_A_RUN)
    ]
    tags = {**AUTOMATIC_BACKFILL_TAGS, _PAST_TAG: symbol}
    return [
        dg.RunRequest(run_key=f"{occasion} {part.keys[0]}", tags={**tags, **part.tags})
        for part in parts
    ]


@dg.sensor(
    name="catch_up",
    job=backfill,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A backfill for each symbol of which more than two days in a row are missing.",
)
def catch_up_sensor(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Since its newest day, and within its past, unless that is being brought.

    What has failed is asked for again on the next day, or from where it came to.
    """
    try:
        missing, today = tick_plan.missing_past(platform), day_of(platform.now())
    except CryptoAssetsError as error:
        yield dg.SkipReason(str(error))
        return
    if not missing:
        yield dg.SkipReason("what is missing is little enough for the ticks, and for `gaps`")
        return
    instance, names = context.instance, dict.fromkeys(one.symbol for one in missing)
    waiting = [
        symbol
        for symbol in known_symbols(instance, names)
        if not unfinished(instance, backfill.name, tags={_PAST_TAG: symbol})
    ]
    if not waiting:
        yield dg.SkipReason(f"on its way, or no partition yet: {', '.join(names)}")
    for one in missing:
        if one.symbol in waiting:
            yield from _past(one.symbol, one.first, one.last, f"missing on {today} from")
