"""Candles of one symbol and interval: an exact table, a frame of floats, and the gaps."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.analytics import flag_forming, frame_from_table
from crypto_assets.analytics.candle_frame import flag_partial
from crypto_assets.market.candles import CANDLE_SCHEMA
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window
from crypto_assets.warehouse.quality.gap_ledger import GapClass


@dataclass(frozen=True)
class CandleGap:
    """A half-open window without candles; the class is None if the gap ledger does not list it."""

    window: Window
    gap_class: GapClass | None


@dataclass(frozen=True)
class CandleSeries:
    """The existing candles of one symbol and interval, oldest first.

    `table` has CANDLE_SCHEMA, or only the requested columns and the two times. Its decimals are
    exact, except on SQLite. Minutes are known before `known_until` (epoch ms); a candle whose
    period ends later is still forming. `has_more` is whether a limit left candles out. `partial`
    holds the open times of the candles whose beginning is not stored.
    """

    symbol: str
    interval: Interval
    table: pa.Table
    known_until: int
    gaps: tuple[CandleGap, ...] = ()
    has_more: bool = False
    partial: tuple[int, ...] = ()

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The table as floats with `forming` and `partial`, under a UTC index named `time`."""
        frame = flag_forming(frame_from_table(self.table), self.known_until)
        return flag_partial(frame, self.partial)

    @property
    def flagged_table(self) -> pa.Table:
        """The table with two more columns: `forming`, and whether its beginning is not stored."""
        forming = pc.greater_equal(self.table["close_time"], self.known_until)
        return add_partial_column(self.table.append_column("forming", forming), self.partial)

    @property
    def closed_table(self) -> pa.Table:
        """The table with `partial`, without the candle that is still forming."""
        closed = self.table.filter(pc.less(self.table["close_time"], self.known_until))
        return add_partial_column(closed, self.partial)

    @property
    def window(self) -> Window:
        """The window from the first candle's open time to the end of the last one's period."""
        if not self.table.num_rows:
            return Window(0, 0)
        opened = self.table["open_time"]
        return Window(opened[0].as_py(), self.interval.floor(opened[-1].as_py()) + self.interval.ms)


@dataclass(frozen=True)
class ProviderResult:
    """The result of a provider: a frame over the candles shown, or a dataclass of its own."""

    provider: str
    params: Mapping[str, object]
    value: Any = field(repr=False)


@dataclass(frozen=True)
class CandleChart:
    """Candles and the results of providers over them."""

    candles: CandleSeries
    results: tuple[ProviderResult, ...]


def add_partial_column(table: pa.Table, partial: Collection[int]) -> pa.Table:
    """Append the column `partial`: True for candles that open at one of these times (epoch ms)."""
    opened = table["open_time"]
    flags = pc.is_in(opened, value_set=pa.array(partial, opened.type))
    return table.append_column("partial", flags)


def create_empty_series(symbol: str, interval: Interval) -> CandleSeries:
    return CandleSeries(symbol, interval, CANDLE_SCHEMA.empty_table(), 0)
