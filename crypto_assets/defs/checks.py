"""Asset checks of candles, a verdict for each partition: after a day has closed, or when asked."""

from collections.abc import Iterator

import dagster as dg

from crypto_assets.defs.partitions import by_symbol, date_symbol, window_of
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.pipeline.day_checks import DayCheck, Finding, check_days
from crypto_assets.pipeline.outcome import Stage
from crypto_assets.pipeline.platform import Platform

_ASSETS = {
    DayCheck.COMPLETE: Stage.FACTS,
    DayCheck.SANE: Stage.FACTS,
    DayCheck.LAKE: Stage.FACTS,
    DayCheck.EXCHANGE: Stage.DAYS,
}
_DESCRIPTIONS = {
    DayCheck.COMPLETE: "Every minute of a closed day is there, or the gap ledger says why not.",
    DayCheck.SANE: "No candle's prices, volumes or times contradict each other.",
    DayCheck.LAKE: "The minutes are those of the lake's objects, as far as it still holds them.",
    DayCheck.EXCHANGE: "Hours and days equal the exchange's own and what our minutes give.",
}
SPECS = [
    dg.AssetCheckSpec(
        check.value,
        asset=asset.value,
        description=_DESCRIPTIONS[check],
        partitions_def=date_symbol,
    )
    for check, asset in _ASSETS.items()
]


@dg.multi_asset_check(name="check_klines", specs=SPECS, can_subset=True)
def klines_checks(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.AssetCheckResult]:
    """Judge each partition of the run by itself; the run fails, naming them, if one does not pass.

    Dagster knows one verdict for a step over many partitions, so each is logged here.
    """
    wanted = {DayCheck(key.name) for key in context.selected_asset_check_keys}
    failed = []
    for own in by_symbol(context.op_execution_context.partition_keys):
        for key in own.keys:
            for finding in _findings(platform, own.symbol, key, wanted):
                # Taken since Dagster knows checks; the hint has not followed.
                context.op_execution_context.log_event(_evaluation(finding, str(key)))  # type: ignore[arg-type]
                if not finding.passed:
                    failed.append(f"{key} {finding.check}: {finding.said}")
    if failed:
        raise dg.Failure(
            f"{len(failed)} checks failed, the first: {failed[0]}",
            metadata={"failed": failed},
            allow_retries=False,
        )
    yield from ()


def _findings(
    platform: Platform, symbol: str, key: dg.MultiPartitionKey, wanted: set[DayCheck]
) -> list[Finding]:
    try:
        return list(check_days(platform, symbol, window_of(key), wanted))
    except CryptoAssetsError as error:
        return [Finding(check, False, f"could not be judged: {error}") for check in wanted]


def _evaluation(finding: Finding, partition: str) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(_ASSETS[finding.check].value),
        check_name=finding.check.value,
        passed=finding.passed,
        description=finding.said,
        metadata={"wrong": list(finding.named)} if finding.named else {},
        partition=partition,
    )
