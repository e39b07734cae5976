"""Verifies stored hours and days against the exchange's own, and their minutes (truth rule 8)."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Self

from crypto_assets.errors import NotListed
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    Window,
    day_of,
    floor_ms,
    format_utc,
    group_periods,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.reconciliation.candle_comparer import CandleComparer, Difference
from crypto_assets.pipeline.reconciliation.compare_with_exchange import (
    DifferingPeriod,
    PeriodComparison,
    compare_periods,
)
from crypto_assets.pipeline.reconciliation.expected_periods import ExpectedPeriods
from crypto_assets.pipeline.reconciliation.imported_hours import list_imported_hours
from crypto_assets.pipeline.reconciliation.internal_checks import (
    compare_days_with_hours,
    compare_hours_with_minutes,
    compare_minutes_with_lake,
    exclude_purged,
    find_filled_gaps,
    find_refused_imports,
)
from crypto_assets.pipeline.reconciliation.known_revisions import (
    ExplainedDifference,
    explain_difference,
)
from crypto_assets.pipeline.reconciliation.resolve_conflicts import (
    ExchangeMinutes,
    describe_contradiction,
    find_matching_version,
)
from crypto_assets.pipeline.stages.lake_reader import LakeMinutes, read_lake_minutes
from crypto_assets.pipeline.stages.symbol_status import is_listed, require_delisted
from crypto_assets.warehouse import ExchangeConflict


@dataclass(frozen=True)
class PartialPeriod:
    """An hour or a day whose beginning is not stored; `open_time` in epoch ms."""

    interval: Interval
    open_time: int

    def __str__(self) -> str:
        return (
            f"{self.interval} {format_utc(self.open_time)} is partial: its beginning is not stored"
        )


@dataclass(frozen=True)
class VerificationResult:
    """The result of a verification.

    - `compared`: the number of hours and days that either side has.
    - `differences`: values that must be corrected here.
    - `explained`: differences that a known revision or refused rows explain.
    - `not_loaded`: windows of the exchange's hours that were never loaded.
    - `minutes`: the number of minutes that the lake still has.
    - `lost`: keys of objects that are in the manifest and in no lake.
    - `conflicts`: periods in which the exchange contradicts itself, since no version of its minutes
      gives its own hour or day.
    - `recut`: the number of compared periods that the exchange cuts off the grid.
    - `partial`: hours and days whose beginning is not stored, which explains their differences.
    - `not_in_lake`: UTC days with differences and without an object in the lake.
    """

    compared: int = 0
    differences: tuple[Difference, ...] = ()
    explained: tuple[ExplainedDifference, ...] = ()
    not_loaded: tuple[Window, ...] = ()
    minutes: int = 0
    lost: tuple[str, ...] = ()
    conflicts: tuple[ExchangeConflict, ...] = ()
    recut: int = 0
    partial: tuple[PartialPeriod, ...] = ()
    not_in_lake: tuple[date, ...] = ()

    @property
    def passed(self) -> bool:
        return not (self.differences or self.lost)

    @property
    def differing_hours(self) -> list[int]:
        """Open times of the hours that contain a difference, ascending."""
        return sorted({difference.hour_open_time for difference in self.differences})

    def __add__(self, other: Self) -> Self:
        sums = {
            field.name: getattr(self, field.name) + getattr(other, field.name)
            for field in fields(self)
        }
        return replace(self, **sums)


def verify_symbol(context: PipelineContext, symbol: str, window: Window) -> VerificationResult:
    """Compare every closed hour and day that opens in `window`, and the minutes behind them.

    Compares hours and days with the exchange's own, hours with the stored minutes, days with the
    stored hours, and minutes with the gap ledger and with the objects that the lake still has. All
    as decimals, to the last digit; on SQLite, which stores doubles, to twelve significant digits.
    Where an hour or day differs, the exchange's minutes decide whether the exchange contradicts
    itself, which is recorded. A symbol that the exchange no longer lists is compared with lake and
    ledger alone. Reads at most one month of minutes at a time. Raises ExchangeError, LakeError,
    WarehouseError.
    """
    comparer = CandleComparer(symbol, context.warehouse.has_exact_decimals)
    closed = window & Window(0, context.closed_before())
    expected = ExpectedPeriods(context, symbol)
    loaded = closed & Window(0, floor_ms(expected.loaded_until, HOUR_MS))
    internal = VerificationResult(partial=tuple(_find_partial_periods(context, symbol, closed)))
    for month in loaded.split_by_month():
        internal += _compare_internally(context, comparer, month)
    if not is_listed(context, symbol):
        return internal
    try:
        external = _compare_with_exchange(context, comparer, closed, expected, internal.differences)
    except NotListed as error:
        require_delisted(context, symbol, error)
        return internal
    context.warehouse.exchange_conflicts.replace_conflicts(symbol, closed, external.conflicts)
    return external + internal


def _find_partial_periods(
    context: PipelineContext, symbol: str, window: Window
) -> Iterator[PartialPeriod]:
    warehouse = context.warehouse
    for interval in (Interval.H1, Interval.D1):
        opens = warehouse.aggregates.read_candles(symbol, interval, window)["open_time"].to_pylist()
        for at in warehouse.partial_periods.find_open_times(symbol, interval, opens):
            yield PartialPeriod(interval, at)


def _compare_with_exchange(
    context: PipelineContext,
    comparer: CandleComparer,
    closed: Window,
    expected: ExpectedPeriods,
    internal: Sequence[Difference],
) -> VerificationResult:
    """Compare hours, then days, with the exchange.

    A period with `internal` differences is wrong here, whatever the exchange's minutes give. So is
    a day with an hour that differs.
    """
    hours = compare_periods(context, comparer, Interval.H1, closed, expected)
    wrong_hours = {
        difference.hour_open_time
        for difference in internal
        if difference.interval is not Interval.D1
    }
    result = _classify_differences(context, comparer, hours, wrong_hours)
    not_loaded = tuple(group_periods(hours.not_loaded, HOUR_MS))
    days = compare_periods(context, comparer, Interval.D1, closed, expected)
    wrong_days = {
        floor_ms(difference.open_time, DAY_MS) for difference in (*internal, *result.differences)
    }
    result += VerificationResult(not_loaded=not_loaded)
    return result + _classify_differences(context, comparer, days, wrong_days)


def _classify_differences(
    context: PipelineContext,
    comparer: CandleComparer,
    compared: PeriodComparison,
    wrong: Collection[int],
) -> VerificationResult:
    """Split what differs into our errors, known revisions and contradictions of the exchange."""
    result = VerificationResult(compared=compared.compared, recut=compared.recut)
    periods = [differing.period for differing in compared.differing]
    minutes = ExchangeMinutes(context, comparer.symbol, periods)
    imported = list_imported_hours(context, comparer.symbol, periods)
    wrong = {*wrong, *(window.start_ms for window in imported)}
    for differing in compared.differing:
        result += _classify_period(minutes, comparer, differing, wrong)
    return result


def _classify_period(
    minutes: ExchangeMinutes,
    comparer: CandleComparer,
    differing: DifferingPeriod,
    wrong: Collection[int],
) -> VerificationResult:
    """Classify the differences of one period; `wrong` has the open times of those known as ours.

    An hour is ours as well if a version of its minutes gives the exchange's candle: a backfill
    loads it. A day is not, since only hours are resolved.
    """
    period = differing.period
    is_hour = period.interval is Interval.H1
    if period.open_time in wrong or (is_hour and find_matching_version(minutes, comparer, period)):
        return VerificationResult(differences=differing.differences)
    if reason := explain_difference(minutes.context, comparer, period):
        explained = tuple(
            ExplainedDifference(difference, by=reason) for difference in differing.differences
        )
        return VerificationResult(explained=explained)
    return VerificationResult(conflicts=(describe_contradiction(minutes, comparer, differing),))


def _compare_internally(
    context: PipelineContext, comparer: CandleComparer, month: Window
) -> VerificationResult:
    """Compare days, hours, minutes, ledger and lake; `month` begins and ends on the hour."""
    symbol = comparer.symbol
    differences = compare_days_with_hours(context, comparer, month.narrow_to(DAY_MS))
    unpurged = exclude_purged(context, symbol, month)
    if not unpurged:
        return VerificationResult(differences=tuple(differences))
    minutes = context.warehouse.facts.read_fetched_candles(symbol, unpurged)
    lake = read_lake_minutes(context, symbol, unpurged)
    differences += compare_hours_with_minutes(context, comparer, minutes, unpurged)
    differences += compare_minutes_with_lake(comparer, minutes, lake, unpurged)
    differences += find_filled_gaps(context, symbol, minutes, unpurged)
    differences += find_refused_imports(context, symbol, lake, unpurged)
    return VerificationResult(
        differences=tuple(differences),
        minutes=lake.candles.num_rows,
        lost=tuple(lake.lost),
        not_in_lake=_list_days_not_in_lake(differences, lake),
    )


def _list_days_not_in_lake(
    differences: Sequence[Difference], lake: LakeMinutes
) -> tuple[date, ...]:
    """Return the UTC days of the differing periods that no object of the lake overlaps."""

    def is_in_lake(difference: Difference) -> bool:
        period = Window(difference.open_time, difference.open_time + difference.interval.ms)
        return any(period & span for span in lake.spans)

    days = {
        day_of(difference.open_time) for difference in differences if not is_in_lake(difference)
    }
    return tuple(sorted(days))
