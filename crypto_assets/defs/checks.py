"""Asset checks of candles, evaluated per partition when a day is closed or on request."""

import warnings
from collections.abc import Collection, Iterable
from typing import Any

import dagster as dg

from crypto_assets.dagster_ext.check_targets import find_check_target
from crypto_assets.dagster_ext.planned_events import should_run_checks
from crypto_assets.defs.markets import MarketSpec
from crypto_assets.defs.metadata import chart_link, runbook_link
from crypto_assets.defs.partitions import SymbolKeys
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.reconciliation.asset_checks import (
    DayCheck,
    DayCheckResult,
    run_day_checks,
)
from crypto_assets.pipeline.stages.results import KlinesStage

_CHECKED_ASSETS = {
    DayCheck.COMPLETE: KlinesStage.FACTS,
    DayCheck.SANE: KlinesStage.FACTS,
    DayCheck.LAKE: KlinesStage.FACTS,
    DayCheck.EXCHANGE: KlinesStage.DAYS,
}
_DESCRIPTIONS = {
    DayCheck.COMPLETE: "Every minute of a closed day is stored or explained in the gap ledger.",
    DayCheck.SANE: "The prices, volumes and times of each candle are consistent.",
    DayCheck.LAKE: "The stored minutes equal those of the lake's existing objects.",
    DayCheck.EXCHANGE: "Hours and days equal the exchange's own, and the stored minutes give them.",
}


def build_check_specs(market: MarketSpec) -> list[dg.AssetCheckSpec]:
    """Build the specs of the checks of a market's candles."""
    with warnings.catch_warnings():
        # Partitioned checks are a preview feature of Dagster.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                check.value,
                asset=market.asset_key(asset),
                description=_DESCRIPTIONS[check],
                partitions_def=market.partitions.keys_def,
            )
            for check, asset in _CHECKED_ASSETS.items()
        ]


def list_selected_checks(context: dg.AssetExecutionContext) -> set[DayCheck]:
    """List the checks that the run evaluates: those that it selects, none in a backfill."""
    if not should_run_checks(context.run, has_assets=bool(context.selected_asset_keys)):
        return set()
    return {DayCheck(key.name) for key in context.selected_asset_check_keys}


def evaluate_checks(
    market: MarketSpec,
    context: dg.AssetExecutionContext,
    symbol_keys: Iterable[SymbolKeys],
    checks: Collection[DayCheck],
) -> list[tuple[str, str, str]]:
    """Evaluate the checks for each key; return (asset, key, reason) of failures.

    A step can return only one result per check, so the results of single partitions are logged.
    """
    if not checks:
        return []
    platform = market.get_platform(context)
    failed = []
    for requested in symbol_keys:
        for key in requested.keys:
            window = market.partitions.partition_window(key)
            for result in _evaluate_day(platform, requested.symbol, window, checks):
                evaluation = _build_evaluation(
                    market, context.instance, result, requested.symbol, key
                )
                context.log_event(evaluation)
                if not result.passed:
                    reason = f"{result.check}: {result.summary}"
                    failed.append((_CHECKED_ASSETS[result.check].value, str(key), reason))
    return failed


def _evaluate_day(
    platform: PipelineContext, symbol: str, window: Window, checks: Collection[DayCheck]
) -> list[DayCheckResult]:
    try:
        return list(run_day_checks(platform, symbol, window, checks))
    except CryptoAssetsError as error:
        return [DayCheckResult(check, False, f"cannot be evaluated: {error}") for check in checks]


def _build_evaluation(
    market: MarketSpec,
    instance: dg.DagsterInstance,
    result: DayCheckResult,
    symbol: str,
    key: dg.MultiPartitionKey,
) -> dg.AssetCheckEvaluation:
    """Build the evaluation: counts, problems, and links to the chart and the runbook."""
    asset = _CHECKED_ASSETS[result.check]
    metadata: dict[str, Any] = {
        **result.counts,
        # A text, because Dagster's UI shows a list only in a dialog, as JSON; some of its pages
        # replace the line break with a space.
        **({"problems": ";\n".join(result.problems)} if result.problems else {}),
        **chart_link(market, asset, symbol, market.partitions.partition_window(key)),
        "runbook": runbook_link(result.check.value),
    }
    return dg.AssetCheckEvaluation(
        asset_key=market.asset_key(asset),
        check_name=result.check.value,
        passed=result.passed,
        description=result.summary,
        metadata=metadata,
        partition=str(key),
        target_materialization_data=find_check_target(instance, market.asset_key(asset), str(key)),
    )
