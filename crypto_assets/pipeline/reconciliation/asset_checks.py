"""What must hold of days that have closed: whole or explained, sane, the lake's, the exchange's."""

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
from crypto_assets.pipeline.reconciliation.diff import ComparisonBasis
from crypto_assets.pipeline.reconciliation.internal_checks import exclude_purged
from crypto_assets.pipeline.reconciliation.verify import VerificationResult, verify_symbol
from crypto_assets.pipeline.stages.symbol_status import is_listed
from crypto_assets.warehouse.retention.day_status import DayStatus

_MAX_NAMED = 20


class DayCheck(StrEnum):
    """The checks, by the names that Dagster's pages show."""

    COMPLETE = "complete_or_explained"
    SANE = "ohlc_sane"
    LAKE = "facts_match_raw"
    EXCHANGE = "hours_and_days_match_the_exchange"


@dataclass(frozen=True)
class DayCheckResult:
    """What one check says: `said` is a line for a person, `named` what is wrong, one by one.

    `figures` are the counts by which it passed or failed.
    """

    check: DayCheck
    passed: bool
    summary: str
    problems: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


class _DayChecker:
    """The closed UTC days of a window, looked at once for all checks."""

    def __init__(self, platform: PipelineContext, symbol: str, window: Window) -> None:
        closed = platform.closed_before()
        end = max(window.start_ms, floor_ms(min(window.end_ms, closed), DAY_MS))
        self.window = Window(window.start_ms, end)
        self.unpurged_window = exclude_purged(platform, symbol, self.window)
        self._platform = platform
        self._symbol = symbol

    @cached_property
    def verification(self) -> VerificationResult:
        return verify_symbol(self._platform, self._symbol, self.window)

    def check_completeness(self) -> DayCheckResult:
        days = self._platform.warehouse.retention_candidates.list_day_statuses(
            self._symbol, self.unpurged_window
        )
        reasons = [reason for day in days if (reason := _describe_incomplete_day(day))]
        held = sum(day.minutes for day in days)
        explained = sum(day.explained_minutes for day in days)
        figures = {
            "minutes_expected": len(days) * MINUTES_PER_DAY,
            "minutes_held": held,
            "minutes_explained": explained,
            "objects_not_loaded": sum(day.unloaded_objects for day in days),
        }
        good = f"{held} minutes held, {explained} explained"
        return _build_result(DayCheck.COMPLETE, reasons, good, figures)

    def check_sanity(self) -> DayCheckResult:
        minutes = self._platform.warehouse.facts.read_candles(self._symbol, self.unpurged_window)
        times = minutes["open_time"].to_pylist()
        found = [
            f"{format_utc(times[at])}: {why}"
            for at, why in find_invalid_rows(minutes, self.unpurged_window).items()
        ]
        figures = {"minutes_judged": minutes.num_rows, "minutes_wrong": len(found)}
        return _build_result(DayCheck.SANE, found, f"{minutes.num_rows} minutes are sane", figures)

    def check_against_lake(self) -> DayCheckResult:
        found = [
            str(one) for one in self.verification.differences if one.against is ComparisonBasis.LAKE
        ]
        found += [f"the lake has lost {key}" for key in self.verification.lost]
        figures = {
            "minutes_compared": self.verification.minutes,
            "differences": len(found),
            "objects_lost": len(self.verification.lost),
        }
        good = f"{self.verification.minutes} minutes are what the lake holds"
        return _build_result(DayCheck.LAKE, found, good, figures)

    def check_against_exchange(self) -> DayCheckResult:
        found = [
            str(one)
            for one in self.verification.differences
            if one.against is not ComparisonBasis.LAKE
        ]
        found += [f"{window} is not loaded" for window in self.verification.not_loaded]
        explained = len(self.verification.explained)
        good = f"{self.verification.compared} hours and days equal the exchange's own"
        if not is_listed(self._platform, self._symbol):
            good = "nothing to compare with: the exchange lists the symbol no longer"
        more = f", {explained} figures but for known revisions" if explained else ""
        conflicts = self.verification.conflicts
        if conflicts:
            more += f", {len(conflicts)} in which the exchange contradicts itself"
        figures = {
            "exchange_contradictions": len(conflicts),
            "hours_and_days_compared": self.verification.compared,
            "differences": len(found),
            "differences_explained": explained,
        }
        return _build_result(DayCheck.EXCHANGE, found, good + more, figures)


def run_day_checks(
    platform: PipelineContext,
    symbol: str,
    window: Window,
    wanted: Collection[DayCheck] = tuple(DayCheck),
) -> Iterator[DayCheckResult]:
    """Hold the window's closed days (whole UTC days) to the wanted checks.

    Of days whose minutes were retired only hours and days are judged. Raises ExchangeError,
    LakeError, WarehouseError.
    """
    days = _DayChecker(platform, symbol, window)
    checks = {
        DayCheck.COMPLETE: days.check_completeness,
        DayCheck.SANE: days.check_sanity,
        DayCheck.LAKE: days.check_against_lake,
        DayCheck.EXCHANGE: days.check_against_exchange,
    }
    for check, look in checks.items():
        if check in wanted:
            yield (
                look()
                if days.window
                else DayCheckResult(check, True, "no day of it has closed yet")
            )


def _describe_incomplete_day(day: DayStatus) -> str | None:
    """What keeps a day's minutes from being complete or explained."""
    missing = MINUTES_PER_DAY - day.minutes - day.explained_minutes
    if day.unloaded_objects:
        return f"{format_utc(day.start)[:10]}: {day.unloaded_objects} objects of the lake are not loaded"
    if missing > 0:
        return f"{format_utc(day.start)[:10]}: {missing} minutes are missing without an explanation"
    return None


def _build_result(
    check: DayCheck, wrong: Sequence[str], good: str, figures: Mapping[str, int]
) -> DayCheckResult:
    if not wrong:
        return DayCheckResult(check, True, good, counts=figures)
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return DayCheckResult(check, False, f"{wrong[0]}{more}", tuple(wrong[:_MAX_NAMED]), figures)
