"""Candles as they are asked for: an exact table, a frame of floats, and what is missing."""

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
    """A stretch without candles, half-open, and what it is; None where the ledger has no entry."""

    window: Window
    gap_class: GapClass | None


@dataclass(frozen=True)
class CandleSeries:
    """Candles of one symbol and interval, oldest first, existing ones only.

    `table` has CANDLE_SCHEMA, exact where the warehouse is, or of it the columns that were asked
    for and the two times. Minutes are known up to `known_until` (epoch ms); a candle whose period
    reaches beyond is still forming. `more` says that a limit left candles out. `partial` holds the
    open times of the candles whose beginning is not stored.
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
        """The table as floats, and `forming` and `partial`, under a UTC index named `time`."""
        found = flag_forming(frame_from_table(self.table), self.known_until)
        return flag_partial(found, self.partial)

    @property
    def flagged_table(self) -> pa.Table:
        """The table and, as its last column, `partial`: whether a candle's beginning is missing."""
        return add_partial_column(self.table, self.partial)

    @property
    def closed_table(self) -> pa.Table:
        """`flagged` without the candle that is still forming."""
        return self.flagged_table.filter(pc.less(self.table["close_time"], self.known_until))

    @property
    def window(self) -> Window:
        """From the first candle's open time to the end of the last one's period."""
        if not self.table.num_rows:
            return Window(0, 0)
        opened = self.table["open_time"]
        return Window(opened[0].as_py(), self.interval.floor(opened[-1].as_py()) + self.interval.ms)


@dataclass(frozen=True)
class ProviderResult:
    """What a provider answered: a frame over the candles shown, or an object of its own."""

    provider: str
    params: Mapping[str, object]
    value: Any = field(repr=False)


@dataclass(frozen=True)
class CandleChart:
    """Candles and what providers say of them."""

    candles: CandleSeries
    results: tuple[ProviderResult, ...]


def add_partial_column(table: pa.Table, partial: Collection[int]) -> pa.Table:
    """A table of candles with the column `partial`: whether each opens at one of these times."""
    opened = table["open_time"]
    flags = pc.is_in(opened, value_set=pa.array(partial, opened.type))
    return table.append_column("partial", flags)


def create_empty_series(symbol: str, interval: Interval) -> CandleSeries:
    return CandleSeries(symbol, interval, CANDLE_SCHEMA.empty_table(), 0)
