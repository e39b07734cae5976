"""Truth rule 8: our hours and days against the exchange's own, and our minutes behind them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.market.clock import DAY_MS, HOUR_MS, Window, floor_ms
from crypto_assets.market.intervals import Interval
from crypto_assets.pipeline.consistency import (
    PERIOD_VALUES,
    days_from_hours,
    filled_gaps,
    hours_from_minutes,
    minutes_from_lake,
    unpurged,
)
from crypto_assets.pipeline.differences import Against, Difference, Yardstick
from crypto_assets.pipeline.lake_minutes import read_minutes
from crypto_assets.pipeline.loaded import Loaded
from crypto_assets.pipeline.platform import Platform
from crypto_assets.pipeline.revised import Explained, explain


@dataclass(frozen=True)
class Verified:
    """`compared` counts the hours and days that both sides hold or one of them lacks, `minutes`
    those whose candle the lake still holds.

    `explained` are differences that a known revision accounts for. In `not_loaded` the exchange
    has hours of which we were never given a candle. `lost` are objects that the manifest names and
    no lake holds.
    """

    compared: int = 0
    differences: tuple[Difference, ...] = ()
    explained: tuple[Explained, ...] = ()
    not_loaded: tuple[Window, ...] = ()
    minutes: int = 0
    lost: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not (self.differences or self.lost)

    @property
    def is_the_exchanges(self) -> bool:
        """Whether all differs from the exchange alone, and nothing among ourselves."""
        return all(one.against is Against.EXCHANGE for one in self.differences)

    @property
    def hours(self) -> list[int]:
        """Open times of the hours in which something differs."""
        return sorted({difference.hour for difference in self.differences})

    def __add__(self, other: "Verified") -> "Verified":
        return Verified(
            self.compared + other.compared,
            self.differences + other.differences,
            self.explained + other.explained,
            self.not_loaded + other.not_loaded,
            self.minutes + other.minutes,
            self.lost + other.lost,
        )


def verify(platform: Platform, symbol: str, window: Window) -> Verified:
    """Compare every closed hour and day that opens in `window`, and what they are built from.

    Hours and days with the exchange's own; hours with our minutes and days with our hours; minutes
    with the lake's objects as far as it still holds them, and with the gap ledger. As decimals, to
    the last digit; on SQLite, which holds doubles, to twelve significant digits. The work is
    bounded by the window's length: a month's minutes at a time. Raises ExchangeError, LakeError,
    WarehouseError.
    """
    yardstick = Yardstick(symbol, platform.warehouse.is_exact)
    closed = window & Window(0, platform.closed_before())
    loaded = Loaded(platform, symbol)
    found = _against_exchange(platform, yardstick, closed, loaded)
    settled = closed & Window(0, floor_ms(loaded.until, HOUR_MS))
    for month in _months(settled):
        found += _against_ourselves(platform, yardstick, month)
    return found


def _against_exchange(
    platform: Platform, yardstick: Yardstick, closed: Window, loaded: Loaded
) -> Verified:
    found = Verified()
    for interval in (Interval.H1, Interval.D1):
        whole = Window(closed.start_ms, max(closed.start_ms, interval.floor(closed.end_ms)))
        ours = platform.warehouse.aggregates.read(yardstick.symbol, interval, whole)
        theirs = platform.exchange.rest.candle_table(yardstick.symbol, interval, whole)
        waiting = [at for at in _only_in(theirs, ours) if not loaded.covers(at, interval)]
        theirs = theirs.filter(pc.invert(pc.is_in(theirs["open_time"], _array(waiting))))
        differing = yardstick.differences(interval, ours, theirs, PERIOD_VALUES)
        unknown, explained = explain(platform, yardstick, differing, theirs)
        found += Verified(
            compared=len({*_opens(ours), *_opens(theirs)}),
            differences=tuple(unknown),
            explained=tuple(explained),
            not_loaded=tuple(_runs(waiting)) if interval is Interval.H1 else (),
        )
    return found


def _against_ourselves(platform: Platform, yardstick: Yardstick, month: Window) -> Verified:
    """`month` begins and ends with an hour."""
    symbol = yardstick.symbol
    differences = days_from_hours(platform, yardstick, _whole_days(month))
    held = unpurged(platform, symbol, month)
    if not held:
        return Verified(differences=tuple(differences))
    minutes = platform.warehouse.facts.read(symbol, held)
    lake = read_minutes(platform, symbol, held)
    differences += hours_from_minutes(platform, yardstick, minutes, held)
    differences += minutes_from_lake(yardstick, minutes, lake, held)
    differences += filled_gaps(platform, symbol, minutes, held)
    return Verified(
        differences=tuple(differences), minutes=lake.candles.num_rows, lost=tuple(lake.lost)
    )


def _months(window: Window) -> Iterator[Window]:
    """The window cut at the calendar's months."""
    for _, days in groupby(window.days(), key=lambda day: (day.year, day.month)):
        own = list(days)
        yield window & Window.of_days(own[0], own[-1])


def _whole_days(window: Window) -> Window:
    start = floor_ms(window.start_ms + DAY_MS - 1, DAY_MS)
    return Window(start, max(start, floor_ms(window.end_ms, DAY_MS)))


def _runs(hours: Sequence[int]) -> list[Window]:
    """Hours, ascending, as stretches without a break."""
    runs: list[Window] = []
    for at in hours:
        start = runs.pop().start_ms if runs and runs[-1].end_ms == at else at
        runs.append(Window(start, at + HOUR_MS))
    return runs


def _only_in(table: pa.Table, other: pa.Table) -> list[int]:
    return sorted({*_opens(table)} - {*_opens(other)})


def _opens(table: pa.Table) -> list[int]:
    times: list[int] = table["open_time"].to_pylist()
    return times


def _array(times: Sequence[int]) -> pa.Array:
    return pa.array(times, pa.int64())
