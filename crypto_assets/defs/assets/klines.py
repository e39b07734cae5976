"""Candles: raw_klines → fact_klines → hourly_klines → daily_klines, as one subsettable step.

One step, because Dagster knows no partial result of a run over many partitions: a step that
returns marks every key, and one that raises skips all that follows it, for every symbol. Here each
good key is logged by itself, each bad one is not, and the step ends by naming the bad ones.
"""

from collections.abc import Iterator

import dagster as dg

from crypto_assets.defs.assets.materializations import (
    FailedPartition,
    collect_partition_keys,
    fail_unless_stores_ready,
    log_materializations,
    raise_for_failed_partitions,
)
from crypto_assets.defs.assets.specs import DAILY_KLINES, FACT_KLINES, HOURLY_KLINES, RAW_KLINES
from crypto_assets.defs.checks import CHECK_SPECS, evaluate_checks
from crypto_assets.defs.partitions import date_symbol_partitions_def, group_keys_by_symbol
from crypto_assets.orchestrator.run_classes import INGEST_MODE_TAG
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.ingest import IngestMode, ingest_symbols
from crypto_assets.pipeline.stages.results import KlinesStage

# Keys of one run of a backfill: a run stays within minutes and its memory within bounds.
MAX_KEYS_PER_RUN = 400


class KlinesConfig(dg.Config):
    """What of the run's partitions is asked for; a job's tag says it first."""

    errand: IngestMode = IngestMode.DAYS


@dg.multi_asset(
    name="bring_klines",
    specs=[RAW_KLINES, FACT_KLINES, HOURLY_KLINES, DAILY_KLINES],
    check_specs=CHECK_SPECS,
    partitions_def=date_symbol_partitions_def,
    backfill_policy=dg.BackfillPolicy.multi_run(MAX_KEYS_PER_RUN),
    can_subset=True,
)
def klines_assets(
    context: dg.AssetExecutionContext,
    config: KlinesConfig,
    platform: dg.ResourceParam[PipelineContext],
) -> Iterator[dg.MaterializeResult[None]]:
    """Bring each symbol of the run from the exchange to days, through the selected assets.

    Then judge the keys that it looked after by the selected checks: a step of their own would be
    skipped, like all that follows a step which yields nothing. A day that does not pass cannot be
    closed.
    """
    fail_unless_stores_ready(context, platform)
    wanted = group_keys_by_symbol(context.partition_keys)
    stages = {KlinesStage(key.to_user_string()) for key in context.selected_asset_keys}
    windows = {own.symbol: own.window for own in wanted} if stages else {}
    errand = IngestMode(context.run.tags.get(INGEST_MODE_TAG, config.errand))
    bad, answered = [], set()
    for outcomes in ingest_symbols(platform, windows, stages, errand):
        bad += log_materializations(context, outcomes)
        answered |= collect_partition_keys(outcomes)
    failed = evaluate_checks(
        context, platform, group_keys_by_symbol(answered) if stages else wanted
    )
    bad += [FailedPartition(*one) for one in failed if errand is IngestMode.CLOSING]
    raise_for_failed_partitions(context, bad)
    yield from ()
