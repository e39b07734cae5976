"""Tracked symbols: they become partitions, and their past is brought, first or once more."""

import json
from collections.abc import Iterator
from datetime import date

import dagster as dg

from crypto_assets.dagster_ext.active_runs import find_active_run
from crypto_assets.defs.assets.klines import MAX_KEYS_PER_RUN
from crypto_assets.defs.backfill import PartitionRectangle, backfill_job
from crypto_assets.defs.partitions import (
    SYMBOL_PARTITIONS_NAME,
    list_date_keys,
    list_partitioned_symbols,
    symbol_partitions_def,
)
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import day_of
from crypto_assets.orchestrator.run_classes import AUTOMATIC_BACKFILL_TAGS
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion import tick_plan
from crypto_assets.settings import get_settings

# Whose past an automatic backfill brings.
_BACKFILLED_SYMBOL_TAG = "crypto/past_of"


@dg.sensor(
    name="symbols",
    job=backfill_job,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tracked symbols become partitions; one that is added later gets its backfill.",
)
def symbols_sensor(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[PipelineContext]
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
            for one in _build_backfill_requests(
                name, get_settings().start_date, day_of(platform.exchange_now()), "first"
            )
        ]
    except CryptoAssetsError as error:
        return dg.SkipReason(str(error))
    if not tracked:
        return dg.SkipReason("no symbol is tracked yet")
    known = set(context.instance.get_dynamic_partitions(SYMBOL_PARTITIONS_NAME))
    missing = [name for name in tracked if name not in known]
    reason = f"all {len(tracked)} tracked symbols are partitions"
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else dg.SkipReason(reason),
        dynamic_partitions_requests=[symbol_partitions_def.build_add_request(missing)]
        if missing
        else [],
        cursor=json.dumps([*seen, *newcomers]),
    )


def _build_backfill_requests(
    symbol: str, first: date, last: date, occasion: str
) -> list[dg.RunRequest]:
    """Runs of bounded size over two UTC days and those between, once on each occasion.

    What was imported from before the first partition has none.
    """
    start = max(first, get_settings().start_date)
    dates = list_date_keys(start, last) if start <= last else []
    parts = [
        PartitionRectangle(tuple(dates[at : at + MAX_KEYS_PER_RUN]), (symbol,))
        for at in range(0, len(dates), MAX_KEYS_PER_RUN)
    ]
    tags = {**AUTOMATIC_BACKFILL_TAGS, _BACKFILLED_SYMBOL_TAG: symbol}
    return [
        dg.RunRequest(
            run_key=f"{occasion} {part.partition_keys[0]}", tags={**tags, **part.run_tags}
        )
        for part in parts
    ]


@dg.sensor(
    name="catch_up",
    job=backfill_job,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A backfill for each symbol of which more than two days in a row are missing.",
)
def catch_up_sensor(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[PipelineContext]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Since its newest day, and within its past, unless that is being brought.

    What has failed is asked for again on the next day, or from where it came to.
    """
    try:
        missing, today = tick_plan.list_missing_days(platform), day_of(platform.exchange_now())
    except CryptoAssetsError as error:
        yield dg.SkipReason(str(error))
        return
    if not missing:
        yield dg.SkipReason("what is missing is little enough for the ticks, and for `gaps`")
        return
    instance, names = context.instance, dict.fromkeys(one.symbol for one in missing)
    waiting = [
        symbol
        for symbol in list_partitioned_symbols(instance, names)
        if not find_active_run(instance, backfill_job.name, tags={_BACKFILLED_SYMBOL_TAG: symbol})
    ]
    if not waiting:
        yield dg.SkipReason(f"on its way, or no partition yet: {', '.join(names)}")
    for one in missing:
        if one.symbol in waiting:
            yield from _build_backfill_requests(
                one.symbol, one.first, one.last, f"missing on {today} from"
            )
