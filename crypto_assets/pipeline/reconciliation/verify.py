"""Truth rule 8: our hours and days against the exchange's own, and our minutes behind them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

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
from crypto_assets.pipeline.reconciliation.diff import CandleComparer, Difference
from crypto_assets.pipeline.reconciliation.exchange_periods import (
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
    find_known_revision,
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

    `compared` counts the hours and days that both sides hold or one of them lacks, `recut` those of
    them that the exchange cuts off the grid (compared as it cuts them), and `minutes` those whose
    candle the lake still holds. `explained` are differences that a known revision accounts for.
    `conflicts` are periods in which the exchange contradicts itself: no version of its minutes
    gives its own hour or day. In `not_loaded` the exchange has hours of which we were never given a
    candle. `lost` are objects that the manifest names and no lake holds. `partial` are the hours
    and days whose beginning is not stored, which is why such a one differs. `not_in_lake` are UTC
    days of which our own tables differ where no object of the lake reaches any more.
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
        """Open times of the hours in which something differs."""
        return sorted({difference.hour_open_time for difference in self.differences})

    def __add__(self, other: "VerificationResult") -> "VerificationResult":
        return VerificationResult(
            self.compared + other.compared,
            self.differences + other.differences,
            self.explained + other.explained,
            self.not_loaded + other.not_loaded,
            self.minutes + other.minutes,
            self.lost + other.lost,
            self.conflicts + other.conflicts,
            self.recut + other.recut,
            self.partial + other.partial,
            self.not_in_lake + other.not_in_lake,
        )


def verify_symbol(platform: PipelineContext, symbol: str, window: Window) -> VerificationResult:
    """Compare every closed hour and day that opens in `window`, and what they are built from.

    Hours and days with the exchange's own; hours with our minutes and days with our hours; minutes
    with the lake's objects as far as it still holds them, and with the gap ledger. As decimals, to
    the last digit; on SQLite, which holds doubles, to twelve significant digits. Where an hour or
    day differs, the exchange's minutes are fetched to tell whose fault that is; a contradiction of
    the exchange with itself is recorded. A symbol that the exchange lists no longer is held to lake
    and ledger alone. The work is bounded by the window's length: a month's minutes at a time.
    Raises ExchangeError, LakeError, WarehouseError.
    """
    yardstick = CandleComparer(symbol, platform.warehouse.has_exact_decimals)
    closed = window & Window(0, platform.closed_before())
    loaded = ExpectedPeriods(platform, symbol)
    settled = closed & Window(0, floor_ms(loaded.loaded_until, HOUR_MS))
    found = VerificationResult(partial=tuple(_find_partial_periods(platform, symbol, closed)))
    for month in settled.split_by_month():
        found += _compare_internally(platform, yardstick, month)
    if not is_listed(platform, symbol):
        return found
    try:
        compared = _compare_with_exchange(platform, yardstick, closed, loaded, found.differences)
    except NotListed as error:
        require_delisted(platform, symbol, error)
        return found
    platform.warehouse.exchange_conflicts.replace_conflicts(symbol, closed, compared.conflicts)
    return compared + found


def _find_partial_periods(
    platform: PipelineContext, symbol: str, window: Window
) -> Iterator[PartialPeriod]:
    warehouse = platform.warehouse
    for interval in (Interval.H1, Interval.D1):
        opens = warehouse.aggregates.read_candles(symbol, interval, window)["open_time"].to_pylist()
        for at in warehouse.partial_periods.find_open_times(symbol, interval, opens):
            yield PartialPeriod(interval, at)


def _compare_with_exchange(
    platform: PipelineContext,
    yardstick: CandleComparer,
    closed: Window,
    loaded: ExpectedPeriods,
    inside: Sequence[Difference],
) -> VerificationResult:
    """Compare with the exchange; periods with differences `inside` are ours to put right."""
    hours = compare_periods(platform, yardstick, Interval.H1, closed, loaded)
    wrong = {one.hour_open_time for one in inside if one.interval is not Interval.D1}
    found = _explain_differences(platform, yardstick, hours, wrong)
    found += VerificationResult(not_loaded=tuple(group_periods(hours.not_loaded, HOUR_MS)))
    days = compare_periods(platform, yardstick, Interval.D1, closed, loaded)
    wrong = {floor_ms(one.open_time, DAY_MS) for one in (*inside, *found.differences)}
    return found + _explain_differences(platform, yardstick, days, wrong)


def _explain_differences(
    platform: PipelineContext,
    yardstick: CandleComparer,
    compared: PeriodComparison,
    wrong: Collection[int],
) -> VerificationResult:
    """Part what differs: ours to put right, known revisions, the exchange against itself."""
    found = VerificationResult(compared=compared.compared, recut=compared.recut)
    periods = [one.period for one in compared.differing]
    minutes = ExchangeMinutes(platform, yardstick.symbol, periods)
    imported = {w.start_ms for w in list_imported_hours(platform, yardstick.symbol, periods)}
    for one in compared.differing:
        found += _explain_period(minutes, yardstick, one, {*wrong, *imported})
    return found


def _explain_period(
    minutes: ExchangeMinutes,
    yardstick: CandleComparer,
    one: DifferingPeriod,
    wrong: Collection[int],
) -> VerificationResult:
    """Say whose fault the differences of one period are.

    Of a day that no hour accounts for they are not ours: hours alone can be resolved.
    """
    period = one.period
    is_day = period.interval is Interval.D1
    if period.open_time in wrong or (
        not is_day and find_matching_version(minutes, yardstick, period)
    ):
        return VerificationResult(differences=one.differences)
    if by := find_known_revision(minutes.platform, yardstick, period):
        return VerificationResult(
            explained=tuple(ExplainedDifference(each, by) for each in one.differences)
        )
    return VerificationResult(conflicts=(describe_contradiction(minutes, yardstick, one),))


def _compare_internally(
    platform: PipelineContext, yardstick: CandleComparer, month: Window
) -> VerificationResult:
    """`month` begins and ends with an hour."""
    symbol = yardstick.symbol
    differences = compare_days_with_hours(platform, yardstick, month.narrow_to(DAY_MS))
    held = exclude_purged(platform, symbol, month)
    if not held:
        return VerificationResult(differences=tuple(differences))
    minutes = platform.warehouse.facts.read_fetched_candles(symbol, held)
    lake = read_lake_minutes(platform, symbol, held)
    differences += compare_hours_with_minutes(platform, yardstick, minutes, held)
    differences += compare_minutes_with_lake(yardstick, minutes, lake, held)
    differences += find_filled_gaps(platform, symbol, minutes, held)
    differences += find_refused_imports(platform, symbol, lake, held)
    return VerificationResult(
        differences=tuple(differences),
        minutes=lake.candles.num_rows,
        lost=tuple(lake.lost),
        not_in_lake=_list_days_not_in_lake(differences, lake),
    )


def _list_days_not_in_lake(
    differences: Sequence[Difference], lake: LakeMinutes
) -> tuple[date, ...]:
    """Return the UTC days of the periods that differ and that no object reaches into."""
    return tuple(
        sorted(
            {
                day_of(one.open_time)
                for one in differences
                if not any(
                    Window(one.open_time, one.open_time + one.interval.ms) & span
                    for span in lake.spans
                )
            }
        )
    )
