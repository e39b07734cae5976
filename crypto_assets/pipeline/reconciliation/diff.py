"""Figures that are not what they should be, each with both values, and how they are found."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import HOUR_MS, floor_ms, format_utc

_SQLITE_DIGITS = 12

CandleValue = Decimal | int | None


class ComparisonBasis(StrEnum):
    """Whose figure the other one is."""

    EXCHANGE = "the exchange's"
    MINUTES = "our minutes'"
    HOURS = "our hours'"
    LAKE = "the lake's"
    LEDGER = "the gap ledger's"
    ABSENCE = "archive's and gap ledger's"


@dataclass(frozen=True)
class Difference:
    """One figure that is not the other's; None stands for a candle that is not there."""

    symbol: str
    interval: Interval
    open_time: int
    column: str
    ours: CandleValue
    theirs: CandleValue
    against: ComparisonBasis = ComparisonBasis.EXCHANGE

    @property
    def hour_open_time(self) -> int:
        """Open time of the hour in which it lies (a day's first hour)."""
        return floor_ms(self.open_time, HOUR_MS)

    @property
    def is_invented(self) -> bool:
        """Whether minutes are held that were never published."""
        if self.against is ComparisonBasis.LAKE:
            return self.theirs is None
        return self.against in {ComparisonBasis.LEDGER, ComparisonBasis.ABSENCE}

    def __str__(self) -> str:
        return (
            f"{self.symbol} {self.interval} {format_utc(self.open_time)} {self.column}: "
            f"ours {format_candle_value(self.ours)}, {self.against} {format_candle_value(self.theirs)}"
        )


@dataclass(frozen=True)
class CandleComparer:
    """How candles of one symbol are compared: as decimals, to the last digit.

    Where `exact` is false, on SQLite, which holds doubles, to twelve significant digits.
    """

    symbol: str
    is_exact: bool

    def find_differences(
        self,
        interval: Interval,
        ours: pa.Table,
        theirs: pa.Table,
        columns: Collection[str],
        against: ComparisonBasis = ComparisonBasis.EXCHANGE,
    ) -> list[Difference]:
        """Every figure of `columns` that is not theirs; both tables ascend by open time."""
        found = [
            *self._find_missing(interval, ours, theirs, against),
            *self._find_unequal(interval, ours, theirs, columns, against),
        ]
        return sorted(found, key=lambda difference: difference.open_time)

    def is_equal(self, left: CandleValue, right: CandleValue) -> bool:
        if self.is_exact or not (isinstance(left, Decimal) and isinstance(right, Decimal)):
            return left == right
        return abs(left - right) <= abs(right).scaleb(-_SQLITE_DIGITS)

    def _find_missing(
        self, interval: Interval, ours: pa.Table, theirs: pa.Table, against: ComparisonBasis
    ) -> Iterator[Difference]:
        for at in _list_absent_times(ours, theirs):
            yield Difference(self.symbol, interval, at, "candle", 1, None, against)
        for at in _list_absent_times(theirs, ours):
            yield Difference(self.symbol, interval, at, "candle", None, 1, against)

    def _find_unequal(
        self,
        interval: Interval,
        ours: pa.Table,
        theirs: pa.Table,
        columns: Collection[str],
        against: ComparisonBasis,
    ) -> Iterator[Difference]:
        mine = ours.filter(pc.is_in(ours["open_time"], _combine_chunks(theirs["open_time"])))
        other = theirs.filter(pc.is_in(theirs["open_time"], _combine_chunks(ours["open_time"])))
        for name in columns:
            unequal = pc.not_equal(mine[name], other[name].cast(mine[name].type))
            if not pc.any(unequal).as_py():
                continue
            pairs = (mine.filter(unequal), other.filter(unequal))
            times, left = pairs[0]["open_time"].to_pylist(), pairs[0][name].to_pylist()
            for at, one, two in zip(times, left, pairs[1][name].to_pylist(), strict=True):
                if not self.is_equal(one, two):
                    yield Difference(self.symbol, interval, at, name, one, two, against)


def _list_absent_times(table: pa.Table, other: pa.Table) -> list[int]:
    held = pc.is_in(table["open_time"], _combine_chunks(other["open_time"]))
    times: list[int] = table["open_time"].filter(pc.invert(held)).to_pylist()
    return times


def _combine_chunks(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()


def format_candle_value(value: CandleValue) -> str:
    """Write a figure in plain decimals; "none" where there is none."""
    return "none" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)
