"""What is noticed between ticks: new symbols, and symbols that no tick catches up any more."""

import json
from collections.abc import Iterator, Sequence

import dagster as dg

from crypto_assets.defs.assets.klines import KEYS_A_RUN
from crypto_assets.defs.backfill import Rectangle
from crypto_assets.defs.jobs import backfill
from crypto_assets.defs.partitions import SYMBOLS, date_key, date_keys, range_tags, symbols
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.clock import day_of
from crypto_assets.orchestrator.lanes import AUTOMATIC_BACKFILL_TAGS
from crypto_assets.pipeline import plan
from crypto_assets.pipeline.platform import Platform
from crypto_assets.settings import settings


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
        tracked = [symbol.name for symbol in platform.warehouse.symbols.tracked()]
        seen = json.loads(context.cursor) if context.cursor else tracked
        newcomers = [name for name in tracked if name not in seen]
        requests = _first_backfills(newcomers, platform) if newcomers else []
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


def _first_backfills(newcomers: Sequence[str], platform: Platform) -> list[dg.RunRequest]:
    """Runs of bounded size from START_DATE to today; the key keeps Dagster from a second one."""
    dates = date_keys(settings().start_date, day_of(platform.now()))
    parts = [
        Rectangle(tuple(dates[at : at + KEYS_A_RUN]), (name,))
        for name in newcomers
        for at in range(0, len(dates), KEYS_A_RUN)
    ]
    return [
        dg.RunRequest(
            run_key=f"first {part.keys[0]}", tags={**AUTOMATIC_BACKFILL_TAGS, **part.tags}
        )
        for part in parts
    ]


@dg.sensor(
    name="catch_up",
    job=backfill,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A backfill for each symbol whose newest candle is more than two days old.",
)
def catch_up_sensor(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run a symbol and day: the run key keeps a tick from asking twice."""
    try:
        behind = plan.far_behind(platform)
        today = day_of(platform.now())
    except CryptoAssetsError as error:
        yield dg.SkipReason(str(error))
        return
    if not behind:
        yield dg.SkipReason("every symbol is near enough for the ticks")
    for symbol, newest in behind.items():
        first = dg.MultiPartitionKey({"date": date_key(newest), "symbol": symbol})
        last = dg.MultiPartitionKey({"date": date_key(today), "symbol": symbol})
        yield dg.RunRequest(
            run_key=f"{first}..{last}",
            tags={**AUTOMATIC_BACKFILL_TAGS, **range_tags(str(first), str(last))},
        )
