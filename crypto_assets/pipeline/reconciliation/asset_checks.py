"""Checks of closed days: complete, sane, equal to the lake and to the exchange."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from crypto_assets.market.candle_validation import find_invalid_rows
from crypto_assets.market.utc_time import (
    DAY_MS,
    MINUTES_PER_DAY,
    Window,
    floor_ms,
    format_utc,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.reconciliation.candle_comparer import ComparisonBasis
from crypto_assets.pipeline.reconciliation.internal_checks import exclude_purged
from crypto_assets.pipeline.reconciliation.verify import VerificationResult, verify_symbol
from crypto_assets.pipeline.stages.symbol_status import is_listed

_MAX_NAMED = 20


class DayCheck(StrEnum):
    """The names of the asset checks in Dagster."""

    COMPLETE = "complete_or_explained"
    SANE = "ohlc_sane"
    LAKE = "facts_match_raw"
    EXCHANGE = "hours_and_days_match_the_exchange"


@dataclass(frozen=True)
class DayCheckResult:
    """The result of a check: a one-line summary, the problems, and the counts behind them."""

    check: DayCheck
    passed: bool
    summary: str
    problems: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


class _DayChecker:
    """Checks the closed UTC days of a window; verifies them once for all checks."""

    def __init__(self, context: PipelineContext, symbol: str, window: Window) -> None:
        self.window = window & Window(0, floor_ms(context.closed_before(), DAY_MS))
        self.unpurged_window = exclude_purged(context, symbol, self.window)
        self._context = context
        self._symbol = symbol

    @cached_property
    def verification(self) -> VerificationResult:
        return verify_symbol(self._context, self._symbol, self.window)

    def check_completeness(self) -> DayCheckResult:
        days = self._context.warehouse.retention_candidates.list_day_statuses(
            self._symbol, self.unpurged_window
        )
        reasons = [reason for day in days if (reason := day.incomplete_minutes_reason)]
        stored = sum(day.minutes for day in days)
        explained = sum(day.explained_minutes for day in days)
        counts = {
            "minutes_expected": len(days) * MINUTES_PER_DAY,
            "minutes_stored": stored,
            "minutes_explained": explained,
            "objects_not_loaded": sum(day.unloaded_objects for day in days),
        }
        passed = f"{stored} minutes are stored, {explained} are explained"
        return _build_result(DayCheck.COMPLETE, reasons, passed, counts)

    def check_sanity(self) -> DayCheckResult:
        minutes = self._context.warehouse.facts.read_candles(self._symbol, self.unpurged_window)
        times = minutes["open_time"].to_pylist()
        problems = [
            f"{format_utc(times[at])}: {why}"
            for at, why in find_invalid_rows(minutes, self.unpurged_window).items()
        ]
        counts = {"minutes_checked": minutes.num_rows, "minutes_wrong": len(problems)}
        return _build_result(
            DayCheck.SANE, problems, f"{minutes.num_rows} minutes are valid", counts
        )

    def check_against_lake(self) -> DayCheckResult:
        problems = [
            str(difference)
            for difference in self.verification.differences
            if difference.against is ComparisonBasis.LAKE
        ]
        problems += [f"{key} is missing from the lake" for key in self.verification.lost]
        counts = {
            "minutes_compared": self.verification.minutes,
            "differences": len(problems),
            "objects_lost": len(self.verification.lost),
        }
        passed = f"{self.verification.minutes} minutes equal those in the lake"
        return _build_result(DayCheck.LAKE, problems, passed, counts)

    def check_against_exchange(self) -> DayCheckResult:
        problems = [
            str(difference)
            for difference in self.verification.differences
            if difference.against is not ComparisonBasis.LAKE
        ]
        problems += [f"{window} is not loaded" for window in self.verification.not_loaded]
        explained = len(self.verification.explained)
        contradictions = len(self.verification.conflicts)
        passed = f"{self.verification.compared} hours and days equal the exchange's own"
        if not is_listed(self._context, self._symbol):
            passed = "not compared: the exchange no longer lists the symbol"
        if explained:
            passed += f", except {explained} values explained by known revisions"
        if contradictions:
            passed += f", {contradictions} have contradictory data of the exchange"
        counts = {
            "exchange_contradictions": contradictions,
            "hours_and_days_compared": self.verification.compared,
            "differences": len(problems),
            "differences_explained": explained,
        }
        return _build_result(DayCheck.EXCHANGE, problems, passed, counts)


def run_day_checks(
    context: PipelineContext,
    symbol: str,
    window: Window,
    wanted: Collection[DayCheck] = tuple(DayCheck),
) -> Iterator[DayCheckResult]:
    """Run the wanted checks on the closed days of a window (whole UTC days).

    Where the minutes of a day have expired, only hours and days are checked. Raises ExchangeError,
    LakeError, WarehouseError.
    """
    days = _DayChecker(context, symbol, window)
    checks = {
        DayCheck.COMPLETE: days.check_completeness,
        DayCheck.SANE: days.check_sanity,
        DayCheck.LAKE: days.check_against_lake,
        DayCheck.EXCHANGE: days.check_against_exchange,
    }
    for check, run in checks.items():
        if check not in wanted:
            continue
        yield run() if days.window else DayCheckResult(check, True, "no day has closed yet")


def _build_result(
    check: DayCheck, problems: Sequence[str], passed: str, counts: Mapping[str, int]
) -> DayCheckResult:
    """Build the result; `passed` is its summary where there are no problems."""
    if not problems:
        return DayCheckResult(check, True, passed, counts=counts)
    more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
    summary = f"{problems[0]}{more}"
    return DayCheckResult(check, False, summary, tuple(problems[:_MAX_NAMED]), counts)
