"""Differences between stored candles and their reference, each with both values."""

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
    """The reference of a comparison; the value names it in messages and in JSON."""

    EXCHANGE = "the exchange's"
    MINUTES = "our minutes'"
    HOURS = "our hours'"
    LAKE = "the lake's"
    LEDGER = "the gap ledger's"
    ABSENCE = "archive's and gap ledger's"


@dataclass(frozen=True)
class Difference:
    """A stored value that differs from the reference; None means that there is no candle."""

    symbol: str
    interval: Interval
    open_time: int
    column: str
    ours: CandleValue
    theirs: CandleValue
    against: ComparisonBasis = ComparisonBasis.EXCHANGE

    @property
    def hour_open_time(self) -> int:
        """Open time of the hour that contains it; of a day, its first hour's."""
        return floor_ms(self.open_time, HOUR_MS)

    @property
    def is_invented(self) -> bool:
        """Whether minutes are stored that were never published."""
        if self.against is ComparisonBasis.LAKE:
            return self.theirs is None
        return self.against in {ComparisonBasis.LEDGER, ComparisonBasis.ABSENCE}

    def __str__(self) -> str:
        ours, theirs = format_candle_value(self.ours), format_candle_value(self.theirs)
        return (
            f"{self.symbol} {self.interval} {format_utc(self.open_time)} {self.column}: "
            f"ours {ours}, {self.against} {theirs}"
        )


@dataclass(frozen=True)
class CandleComparer:
    """Compares candles of one symbol as decimals, to the last digit.

    Without `is_exact`, on SQLite, which stores doubles, to twelve significant digits.
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
        """Return the differences in `columns`; both tables must be sorted by open time."""
        differences = [
            *self._find_missing(interval, ours, theirs, against),
            *self._find_unequal(interval, ours, theirs, columns, against),
        ]
        return sorted(differences, key=lambda difference: difference.open_time)

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
        stored = ours.filter(pc.is_in(ours["open_time"], theirs["open_time"].combine_chunks()))
        reference = theirs.filter(pc.is_in(theirs["open_time"], ours["open_time"].combine_chunks()))
        for name in columns:
            unequal = pc.not_equal(stored[name], reference[name].cast(stored[name].type))
            if not pc.any(unequal).as_py():
                continue
            rows = stored.filter(unequal)
            times, left = rows["open_time"].to_pylist(), rows[name].to_pylist()
            right = reference.filter(unequal)[name].to_pylist()
            for at, our_value, their_value in zip(times, left, right, strict=True):
                if not self.is_equal(our_value, their_value):
                    yield Difference(
                        self.symbol, interval, at, name, our_value, their_value, against
                    )


def _list_absent_times(table: pa.Table, other: pa.Table) -> list[int]:
    """List the open times of `table` that `other` lacks."""
    present = pc.is_in(table["open_time"], other["open_time"].combine_chunks())
    times: list[int] = table["open_time"].filter(pc.invert(present)).to_pylist()
    return times


def format_candle_value(value: CandleValue) -> str:
    """Format a value without an exponent; "none" for None."""
    return "none" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)
