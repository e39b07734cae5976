"""Candles: raw_klines → fact_klines → hourly_klines → daily_klines, as one subsettable step.

One step, because Dagster knows no partial result of a run over many partitions: a step that
returns marks every key, and one that raises skips all that follows it, for every symbol. Here each
good key is logged by itself, each bad one is not, and the step ends by naming the bad ones.
"""

from collections.abc import Iterator

import dagster as dg

from crypto_assets.defs.assets.materializations import (
    BadKey,
    keys_of,
    log_good_keys,
    raise_for_bad_keys,
    require_admission,
)
from crypto_assets.defs.assets.specs import DAILY_KLINES, FACT_KLINES, HOURLY_KLINES, RAW_KLINES
from crypto_assets.defs.checks import SPECS, judge
from crypto_assets.defs.partitions import by_symbol, date_symbol
from crypto_assets.orchestrator.run_classes import ERRAND_TAG
from crypto_assets.pipeline.context import Platform
from crypto_assets.pipeline.ingestion.ingest import Errand, bring_symbols
from crypto_assets.pipeline.stages.results import Stage

# Keys of one run of a backfill: a run stays within minutes and its memory within bounds.
KEYS_A_RUN = 400


class KlinesConfig(dg.Config):
    """What of the run's partitions is asked for; a job's tag says it first."""

    errand: Errand = Errand.DAYS


@dg.multi_asset(
    name="bring_klines",
    specs=[RAW_KLINES, FACT_KLINES, HOURLY_KLINES, DAILY_KLINES],
    check_specs=SPECS,
    partitions_def=date_symbol,
    backfill_policy=dg.BackfillPolicy.multi_run(KEYS_A_RUN),
    can_subset=True,
)
def klines(
    context: dg.AssetExecutionContext, config: KlinesConfig, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.MaterializeResult[None]]:
    """Bring each symbol of the run from the exchange to days, through the selected assets.

    Then judge the keys that it looked after by the selected checks: a step of their own would be
    skipped, like all that follows a step which yields nothing. A day that does not pass cannot be
    closed.
    """
    require_admission(context, platform)
    wanted = by_symbol(context.partition_keys)
    stages = {Stage(key.to_user_string()) for key in context.selected_asset_keys}
    windows = {own.symbol: own.window for own in wanted} if stages else {}
    errand = Errand(context.run.tags.get(ERRAND_TAG, config.errand))
    bad, answered = [], set()
    for outcomes in bring_symbols(platform, windows, stages, errand):
        bad += log_good_keys(context, outcomes)
        answered |= keys_of(outcomes)
    failed = judge(context, platform, by_symbol(answered) if stages else wanted)
    bad += [BadKey(*one) for one in failed if errand is Errand.CLOSING]
    raise_for_bad_keys(context, bad)
    yield from ()
