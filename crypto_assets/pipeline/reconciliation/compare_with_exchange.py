"""Compares stored hours and days with the exchange's own.

Most periods of the exchange open on the grid of their interval. A few, as in February 2018, open
off it. Such a period, and one that it cuts short, is rolled up from the stored minutes between its
own open time and the next one's, as the exchange did.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.market.candles import Candle, candles_from_table
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import roll_up_single_period
from crypto_assets.market.utc_time import Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.reconciliation.candle_comparer import CandleComparer, Difference
from crypto_assets.pipeline.reconciliation.expected_periods import ExpectedPeriods
from crypto_assets.pipeline.reconciliation.internal_checks import PERIOD_VALUE_COLUMNS


@dataclass(frozen=True)
class ExchangePeriod:
    """An hour or day as the exchange cut it.

    `window` contains the open times of its minutes. `exchange_candle` is None where the exchange
    has no such period.
    """

    interval: Interval
    window: Window
    exchange_candle: Candle | None

    @property
    def open_time(self) -> int:
        return self.window.start_ms

    @property
    def is_off_grid(self) -> bool:
        return self.interval.floor(self.open_time) != self.open_time


@dataclass(frozen=True)
class DifferingPeriod:
    """A period and the values in which it differs from the exchange."""

    period: ExchangePeriod
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class PeriodComparison:
    """The result of comparing one interval.

    `compared` counts the periods of either side. `not_loaded` has the open times of the exchange's
    periods that were never loaded. `recut` counts the compared periods that are off the grid or cut
    short by one that is.
    """

    compared: int
    differing: tuple[DifferingPeriod, ...]
    not_loaded: tuple[int, ...]
    recut: int


def compare_periods(
    context: PipelineContext,
    comparer: CandleComparer,
    interval: Interval,
    window: Window,
    expected: ExpectedPeriods,
) -> PeriodComparison:
    """Compare the stored periods, 1h or 1d, that lie in a window with the exchange's own.

    Raises ExchangeError, WarehouseError.
    """
    whole, _ = window.split_at(interval.floor(window.end_ms))
    ours = context.warehouse.aggregates.read_candles(comparer.symbol, interval, whole)
    theirs = context.exchange.rest.fetch_candle_table(comparer.symbol, interval, whole)
    missing = sorted({*_list_open_times(theirs)} - {*_list_open_times(ours)})
    not_loaded = [at for at in missing if not expected.is_expected(at, interval)]
    theirs = _drop_open_times(theirs, not_loaded)
    recut, touched = _find_recut_periods(interval, theirs)
    on_grid = _drop_open_times(theirs, [period.open_time for period in recut])
    ours = _drop_open_times(ours, sorted(touched))
    differences = comparer.find_differences(interval, ours, on_grid, PERIOD_VALUE_COLUMNS)
    return PeriodComparison(
        compared=len({*_list_open_times(ours), *_list_open_times(on_grid)}) + len(recut),
        differing=(
            *_group_by_period(interval, differences, on_grid),
            *_compare_recut_periods(context, comparer, recut),
        ),
        not_loaded=tuple(not_loaded),
        recut=len(recut),
    )


def matches_exchange_candle(
    comparer: CandleComparer, minutes: pa.Table, period: ExchangePeriod
) -> bool:
    """Return whether a period's minutes (CANDLE_SCHEMA) roll up to the exchange's candle."""
    return not compare_with_exchange_candle(comparer, minutes, period)


def compare_with_exchange_candle(
    comparer: CandleComparer, minutes: pa.Table, period: ExchangePeriod
) -> tuple[Difference, ...]:
    """Roll up a period's minutes (CANDLE_SCHEMA) and return the differences from the exchange."""
    at, interval = period.open_time, period.interval
    rolled = candles_from_table(roll_up_single_period(minutes, interval, at))
    ours, theirs = rolled[0] if rolled else None, period.exchange_candle
    if ours is None and theirs is None:
        return ()
    if ours is None or theirs is None:
        sides = (1 if ours else None, 1 if theirs else None)
        return (Difference(comparer.symbol, interval, at, "candle", *sides),)
    return tuple(
        Difference(comparer.symbol, interval, at, name, getattr(ours, name), getattr(theirs, name))
        for name in PERIOD_VALUE_COLUMNS
        if not comparer.is_equal(getattr(ours, name), getattr(theirs, name))
    )


def _find_recut_periods(
    interval: Interval, theirs: pa.Table
) -> tuple[list[ExchangePeriod], set[int]]:
    """Return the periods off the grid and those that they cut short, and the open times to skip.

    The stored periods with these open times on the grid have no counterpart at the exchange.
    """
    opens = theirs["open_time"]
    off_grid = [at for at in _list_open_times(theirs) if interval.floor(at) != at]
    if not off_grid:
        return [], set()
    ordered = candles_from_table(theirs.take(pc.sort_indices(opens)))
    ends = [after.open_time for _, after in pairwise(ordered)] + [ordered[-1].close_time + 1]
    periods = [
        ExchangePeriod(interval, Window(candle.open_time, min(candle.close_time + 1, end)), candle)
        for candle, end in zip(ordered, ends, strict=True)
    ]
    touched = {
        at
        for period in periods
        if period.is_off_grid
        for at in (interval.floor(period.window.start_ms), interval.floor(period.window.end_ms - 1))
    }
    recut = [period for period in periods if period.is_off_grid or period.open_time in touched]
    return recut, touched


def _compare_recut_periods(
    context: PipelineContext, comparer: CandleComparer, periods: Sequence[ExchangePeriod]
) -> list[DifferingPeriod]:
    differing = []
    for period in periods:
        minutes = context.warehouse.facts.read_candles(comparer.symbol, period.window)
        if differences := compare_with_exchange_candle(comparer, minutes, period):
            differing.append(DifferingPeriod(period, differences))
    return differing


def _group_by_period(
    interval: Interval, differences: Sequence[Difference], theirs: pa.Table
) -> list[DifferingPeriod]:
    by_time: dict[int, list[Difference]] = {}
    for difference in differences:
        by_time.setdefault(difference.open_time, []).append(difference)
    wanted = theirs.filter(pc.is_in(theirs["open_time"], pa.array([*by_time], pa.int64())))
    candles = {candle.open_time: candle for candle in candles_from_table(wanted)}
    return [
        DifferingPeriod(
            ExchangePeriod(interval, Window(at, at + interval.ms), candles.get(at)),
            tuple(of_period),
        )
        for at, of_period in by_time.items()
    ]


def _drop_open_times(table: pa.Table, opens: Sequence[int]) -> pa.Table:
    if not opens:
        return table
    return table.filter(pc.invert(pc.is_in(table["open_time"], pa.array(opens, pa.int64()))))


def _list_open_times(table: pa.Table) -> list[int]:
    times: list[int] = table["open_time"].to_pylist()
    return times
