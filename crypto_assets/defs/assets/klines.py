"""Candles: raw_klines → fact_klines → hourly_klines → daily_klines, as one subsettable step.

A Dagster step over many partitions has no partial result: if it succeeds, it materializes every
key; if it fails, all downstream steps are skipped for every symbol. Therefore one step does all the
work. It logs a materialization for each successful key, and fails at the end with the failed keys.
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from crypto_assets.defs.assets.materializations import (
    FailedPartition,
    collect_partition_keys,
    fail_unless_stores_ready,
    log_materializations,
    raise_for_failed_partitions,
    require_partitions,
    wait_for_services,
)
from crypto_assets.defs.assets.specs import build_klines_specs
from crypto_assets.defs.checks import build_check_specs, evaluate_checks, list_selected_checks
from crypto_assets.defs.markets import DEFAULT_MARKET, MarketSpec, get_asset_name
from crypto_assets.defs.run_partitions import PartitionsConfig
from crypto_assets.orchestrator.run_queue import get_ingest_mode
from crypto_assets.pipeline.ingestion.ingest import IngestMode, ingest_symbols
from crypto_assets.pipeline.reconciliation.asset_checks import DayCheck
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.settings import PartitionUnit, get_settings

# Partitions per run of a backfill, which limits the run's duration and memory.
MAX_KEYS_PER_RUN = 400
_DAYS_PER_KEY = {PartitionUnit.DAY: 1, PartitionUnit.MONTH: 30}


def count_keys_per_run(run_days: int | None, unit: PartitionUnit) -> int:
    """Return how many partitions a run of a backfill has at most.

    `run_days` is the limit of the settings. With a smaller one, the days of a symbol are divided
    among more workers, and each run adds its start.
    """
    return MAX_KEYS_PER_RUN if run_days is None else max(1, run_days // _DAYS_PER_KEY[unit])


def get_keys_per_run(market: MarketSpec) -> int:
    """Return how many partitions a run of a backfill of a market has at most."""
    return count_keys_per_run(get_settings().backfill_run_days, market.partitions.unit)


class KlinesConfig(PartitionsConfig):
    """Run config: the partitions, and the ingest mode unless a tag of the job sets it."""

    ingest_mode: IngestMode = IngestMode.DAYS
    errand: IngestMode | None = Field(None, description="The earlier name of ingest_mode.")


def build_klines_assets(market: MarketSpec) -> dg.AssetsDefinition:
    """Build the assets of a market's candles, with their checks."""

    @dg.multi_asset(
        name=market.klines_op,
        specs=build_klines_specs(market),
        check_specs=build_check_specs(market),
        partitions_def=market.partitions.keys_def,
        backfill_policy=dg.BackfillPolicy.multi_run(get_keys_per_run(market)),
        can_subset=True,
        required_resource_keys={market.resource_key},
    )
    def klines_assets(
        context: dg.AssetExecutionContext, config: KlinesConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Ingest the run's symbols through the selected assets, then evaluate checks.

        The checks are part of this step, because Dagster skips a step after one that yields
        nothing. In the mode CLOSING, all checks are evaluated, and a failed one fails the run;
        otherwise the selected ones.
        """
        platform = market.get_platform(context)
        mode = IngestMode(get_ingest_mode(context.run.tags) or config.errand or config.ingest_mode)
        with wait_for_services(context, platform, is_tick=mode is IngestMode.TAIL):
            fail_unless_stores_ready(context, platform)
            requested = require_partitions(market, context, config)
            stages = {KlinesStage(get_asset_name(key)) for key in context.selected_asset_keys}
            windows = {keys.symbol: keys.window for keys in requested} if stages else {}
            failed, processed = [], set()
            for outcomes in ingest_symbols(platform, windows, stages, mode):
                failed += log_materializations(market, context, outcomes)
                processed |= collect_partition_keys(market, outcomes)
            checks = set(DayCheck) if mode is IngestMode.CLOSING else list_selected_checks(context)
            checked = market.partitions.group_keys_by_symbol(processed) if stages else requested
            failed_checks = evaluate_checks(market, context, checked, checks)
        if mode is IngestMode.CLOSING:
            failed += [FailedPartition(*failure) for failure in failed_checks]
        raise_for_failed_partitions(context, failed)
        yield from ()

    return klines_assets


klines_assets = build_klines_assets(DEFAULT_MARKET)
