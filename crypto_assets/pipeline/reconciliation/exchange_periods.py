"""Compares stored hours and days with the exchange's own, as the exchange cut them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.market.candles import CANDLE_SCHEMA, Candle, candles_from_table
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import roll_up_single_period
from crypto_assets.market.utc_time import Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.reconciliation.diff import CandleComparer, ComparisonBasis, Difference
from crypto_assets.pipeline.reconciliation.expected_periods import ExpectedPeriods
from crypto_assets.pipeline.reconciliation.internal_checks import PERIOD_VALUE_COLUMNS


@dataclass(frozen=True)
class ExchangePeriod:
    """An hour or day as the exchange cut it: `window` holds the open times of its minutes.

    `theirs` is the exchange's candle; None where only we have one.
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
    """A period and each of its figures that is not the exchange's."""

    period: ExchangePeriod
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class PeriodComparison:
    """What the comparison of one interval found.

    `compared` counts the periods that both sides have or one of them lacks. `not_loaded` are open
    times of periods of the exchange of which no candle was ever loaded. `recut` counts the periods
    that were compared as the exchange cut them, off the grid or cut short by one that is.
    """

    compared: int
    differing: tuple[DifferingPeriod, ...]
    not_loaded: tuple[int, ...]
    recut: int


def compare_periods(
    platform: PipelineContext,
    yardstick: CandleComparer,
    interval: Interval,
    window: Window,
    loaded: ExpectedPeriods,
) -> PeriodComparison:
    """Compare the whole stored periods of a window, 1h or 1d, with the exchange's own.

    A period that opens off its grid (as in February 2018), and one that such a period cuts short,
    is rolled up from the stored minutes between its own open time and the next one's. Figures are
    compared as `Yardstick` does. Raises ExchangeError, WarehouseError.
    """
    whole = Window(window.start_ms, max(window.start_ms, interval.floor(window.end_ms)))
    ours = platform.warehouse.aggregates.read_candles(yardstick.symbol, interval, whole)
    theirs = platform.exchange.rest.fetch_candle_table(yardstick.symbol, interval, whole)
    missing = sorted({*_list_open_times(theirs)} - {*_list_open_times(ours)})
    not_loaded = [at for at in missing if not loaded.is_expected(at, interval)]
    theirs = _drop_open_times(theirs, not_loaded)
    recut, replaced = _find_recut_periods(interval, theirs)
    on_grid = _drop_open_times(theirs, [period.open_time for period in recut])
    ours = _drop_open_times(ours, [at for at in _list_open_times(ours) if at in replaced])
    found = yardstick.find_differences(interval, ours, on_grid, PERIOD_VALUE_COLUMNS)
    return PeriodComparison(
        compared=len({*_list_open_times(ours), *_list_open_times(on_grid)}) + len(recut),
        differing=(
            *_group_by_period(interval, found, on_grid),
            *_compare_recut_periods(platform, yardstick, recut),
        ),
        not_loaded=tuple(not_loaded),
        recut=len(recut),
    )


def matches_exchange_candle(
    yardstick: CandleComparer, minutes: pa.Table, period: ExchangePeriod
) -> bool:
    """Return whether minutes (CANDLE_SCHEMA, those of the period) give the exchange's candle."""
    return not compare_with_exchange_candle(yardstick, minutes, period)


def compare_with_exchange_candle(
    yardstick: CandleComparer, minutes: pa.Table, period: ExchangePeriod
) -> tuple[Difference, ...]:
    """Return each figure that the minutes of a period give other than the exchange."""
    at, interval = period.open_time, period.interval
    rolled = candles_from_table(roll_up_single_period(minutes, interval, at))
    theirs = period.exchange_candle
    if not rolled or theirs is None:
        if not rolled and theirs is None:
            return ()
        sides = (1 if rolled else None, 1 if theirs else None)
        return (Difference(yardstick.symbol, interval, at, "candle", *sides),)
    pairs = (
        (name, getattr(rolled[0], name), getattr(theirs, name)) for name in PERIOD_VALUE_COLUMNS
    )
    return tuple(
        Difference(yardstick.symbol, interval, at, name, one, other, ComparisonBasis.EXCHANGE)
        for name, one, other in pairs
        if not yardstick.is_equal(one, other)
    )


def _find_recut_periods(
    interval: Interval, theirs: pa.Table
) -> tuple[list[ExchangePeriod], set[int]]:
    """Return the periods that the grid does not show, and the grid's open times that they touch."""
    opens = theirs["open_time"]
    off_grid = [at for at in _list_open_times(theirs) if interval.floor(at) != at]
    if not off_grid:
        return [], set()
    ordered = candles_from_table(theirs.take(pc.sort_indices(opens)))
    ends = [after.open_time for _, after in pairwise(ordered)] + [ordered[-1].close_time + 1]
    periods = [
        ExchangePeriod(interval, Window(one.open_time, min(one.close_time + 1, end)), one)
        for one, end in zip(ordered, ends, strict=True)
    ]
    touched = {
        at
        for one in periods
        if one.is_off_grid
        for at in (interval.floor(one.window.start_ms), interval.floor(one.window.end_ms - 1))
    }
    return [one for one in periods if one.is_off_grid or one.open_time in touched], touched


def _compare_recut_periods(
    platform: PipelineContext, yardstick: CandleComparer, periods: Sequence[ExchangePeriod]
) -> list[DifferingPeriod]:
    found = []
    for period in periods:
        minutes = platform.warehouse.facts.read_candles(yardstick.symbol, period.window)
        if differences := compare_with_exchange_candle(yardstick, minutes, period):
            found.append(DifferingPeriod(period, differences))
    return found


def _group_by_period(
    interval: Interval, differences: Sequence[Difference], theirs: pa.Table
) -> list[DifferingPeriod]:
    found: dict[int, list[Difference]] = {}
    for one in differences:
        found.setdefault(one.open_time, []).append(one)
    wanted = theirs.filter(pc.is_in(theirs["open_time"], pa.array([*found], pa.int64())))
    candles = {candle.open_time: candle for candle in candles_from_table(wanted)}
    return [
        DifferingPeriod(
            ExchangePeriod(interval, Window(at, at + interval.ms), candles.get(at)), tuple(own)
        )
        for at, own in found.items()
    ]


def _drop_open_times(table: pa.Table, opens: Sequence[int]) -> pa.Table:
    if not opens:
        return table
    return table.filter(pc.invert(pc.is_in(table["open_time"], pa.array(opens, pa.int64()))))


def _list_open_times(table: pa.Table) -> list[int]:
    times: list[int] = table["open_time"].to_pylist()
    return times


def table_from_candles(candles: Sequence[Candle]) -> pa.Table:
    """Return candles as a table of CANDLE_SCHEMA."""
    return pa.Table.from_pylist([vars(candle) for candle in candles], CANDLE_SCHEMA)
