"""What is noticed between ticks: new symbols, and symbols that no tick catches up any more."""

from collections.abc import Iterator

import dagster as dg

from crypto_assets.defs.jobs import backfill
from crypto_assets.defs.partitions import SYMBOLS, date_key, range_tags, symbols
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.clock import day_of
from crypto_assets.pipeline import plan
from crypto_assets.pipeline.backfill import BACKFILL_TAGS
from crypto_assets.pipeline.platform import Platform


@dg.sensor(
    name="symbols",
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tracked symbols of the warehouse become partitions.",
    target=None,
)
def symbols_sensor(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
) -> dg.SensorResult | dg.SkipReason:
    """Adds what is missing; a partition is never taken away, since its data stays."""
    try:
        tracked = [symbol.name for symbol in platform.warehouse.symbols.tracked()]
    except CryptoAssetsError as error:
        return dg.SkipReason(str(error))
    known = set(context.instance.get_dynamic_partitions(SYMBOLS))
    missing = [name for name in tracked if name not in known]
    if not missing:
        return dg.SkipReason(f"all {len(tracked)} tracked symbols are partitions")
    return dg.SensorResult(dynamic_partitions_requests=[symbols.build_add_request(missing)])


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
            tags={**BACKFILL_TAGS, **range_tags(str(first), str(last))},
        )
