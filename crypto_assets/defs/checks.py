"""Asset checks of candles, a verdict for each partition: after a day has closed, or when asked."""

import warnings
from collections.abc import Iterable
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from crypto_assets.dagster_ext.planned_events import delete_planned_checks, should_run_checks
from crypto_assets.defs.metadata import chart_link, runbook_link
from crypto_assets.defs.partitions import SymbolKeys, date_symbol_partitions_def, partition_window
from crypto_assets.errors import CryptoAssetsError
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
    DayCheck.COMPLETE: "Every minute of a closed day is there, or the gap ledger says why not.",
    DayCheck.SANE: "No candle's prices, volumes or times contradict each other.",
    DayCheck.LAKE: "The minutes are those of the lake's objects, as far as it still holds them.",
    DayCheck.EXCHANGE: "Hours and days equal the exchange's own and what our minutes give.",
}


def _build_check_specs() -> list[dg.AssetCheckSpec]:
    with warnings.catch_warnings():
        # Partitioned checks are a preview in Dagster; its version is pinned, and tests hold it.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                check.value,
                asset=asset.value,
                description=_DESCRIPTIONS[check],
                partitions_def=date_symbol_partitions_def,
            )
            for check, asset in _CHECKED_ASSETS.items()
        ]


CHECK_SPECS = _build_check_specs()


def evaluate_checks(
    context: dg.AssetExecutionContext, platform: PipelineContext, wanted: Iterable[SymbolKeys]
) -> list[tuple[str, str, str]]:
    """Evaluate the run's selected checks for each key; (asset, key, reason) where one fails.

    Dagster knows one verdict for a step over many partitions, so each is logged here.
    """
    checks = {DayCheck(key.name) for key in context.selected_asset_check_keys}
    if not checks or not should_run_checks(context.run, brings=bool(context.selected_asset_keys)):
        return []
    bad = []
    for own in wanted:
        for key in own.keys:
            for finding in _evaluate_day(platform, own.symbol, key, checks):
                target = _find_target_materialization(
                    context.instance, _CHECKED_ASSETS[finding.check], str(key)
                )
                context.log_event(_build_evaluation(finding, own.symbol, key, target))
                if not finding.passed:
                    said = f"{finding.check}: {finding.summary}"
                    bad.append((_CHECKED_ASSETS[finding.check].value, str(key), said))
    delete_planned_checks(context.instance, context.run)
    return bad


def _evaluate_day(
    platform: PipelineContext, symbol: str, key: dg.MultiPartitionKey, wanted: set[DayCheck]
) -> list[DayCheckResult]:
    try:
        return list(run_day_checks(platform, symbol, partition_window(key), wanted))
    except CryptoAssetsError as error:
        return [DayCheckResult(check, False, f"could not be judged: {error}") for check in wanted]


def _find_target_materialization(
    instance: dg.DagsterInstance, asset: KlinesStage, partition: str
) -> AssetCheckEvaluationTargetMaterializationData | None:
    """The materialisation that is judged: without it Dagster's pages take the verdict for old."""
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset.value), asset_partitions=[partition])
    records = instance.fetch_materializations(wanted, limit=1).records
    if not records:
        return None
    return AssetCheckEvaluationTargetMaterializationData(
        storage_id=records[0].storage_id,
        run_id=records[0].run_id,
        timestamp=records[0].timestamp,
    )


def _build_evaluation(
    finding: DayCheckResult,
    symbol: str,
    key: dg.MultiPartitionKey,
    target: AssetCheckEvaluationTargetMaterializationData | None,
) -> dg.AssetCheckEvaluation:
    """The verdict with its figures; where it fails, what is wrong and what a person does then."""
    asset = _CHECKED_ASSETS[finding.check]
    metadata: dict[str, Any] = {
        **finding.counts,
        **({"wrong": list(finding.problems)} if finding.problems else {}),
        "chart": chart_link(asset, symbol, partition_window(key)),
        "runbook": runbook_link(finding.check.value),
    }
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(asset.value),
        check_name=finding.check.value,
        passed=finding.passed,
        description=finding.summary,
        metadata=metadata,
        partition=str(key),
        target_materialization_data=target,
    )
