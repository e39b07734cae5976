"""Our hours and days against the exchange's own: truth rule 8."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from crypto_assets.market.candles import Candle, candles_from_table
from crypto_assets.market.clock import Window, isoformat
from crypto_assets.market.intervals import Interval
from crypto_assets.pipeline.platform import Platform

# A candle's close time is left out: the exchange cuts it short where an outage ends a period.
_COMPARED = tuple(
    name for name in Candle.__dataclass_fields__ if name not in {"open_time", "close_time"}
)
_SQLITE_DIGITS = 12


@dataclass(frozen=True)
class Difference:
    """One figure that is not the exchange's; None stands for a candle that is not there."""

    symbol: str
    interval: Interval
    open_time: int
    column: str
    ours: Decimal | int | None
    theirs: Decimal | int | None

    def __str__(self) -> str:
        return (
            f"{self.symbol} {self.interval} {isoformat(self.open_time)} {self.column}: "
            f"ours {_shown(self.ours)}, the exchange's {_shown(self.theirs)}"
        )


@dataclass(frozen=True)
class Verified:
    """`compared` counts candles that both sides hold or one of them lacks."""

    compared: int
    differences: tuple[Difference, ...]


def verify(platform: Platform, symbol: str, window: Window) -> Verified:
    """Compare every closed hour and day that opens in `window`.

    As decimals, to the last digit; on SQLite, which holds floats, to twelve significant digits.
    Raises ExchangeError, WarehouseError.
    """
    compared, differences = 0, []
    closed = Window(0, platform.closed_before())
    for interval in (Interval.H1, Interval.D1):
        within = Window(window.start_ms, interval.floor((window & closed).end_ms))
        ours = _ours(platform, symbol, interval, within)
        theirs = _theirs(platform, symbol, interval, within)
        compared += len(ours.keys() | theirs.keys())
        digits = None if platform.warehouse.is_exact else _SQLITE_DIGITS
        differences += list(_compare(symbol, interval, ours, theirs, digits))
    return Verified(compared, tuple(differences))


def _ours(platform: Platform, symbol: str, interval: Interval, window: Window) -> dict[int, Candle]:
    table = platform.warehouse.aggregates.read(symbol, interval, window)
    return {candle.open_time: candle for candle in candles_from_table(table)}


def _theirs(
    platform: Platform, symbol: str, interval: Interval, window: Window
) -> dict[int, Candle]:
    candles = platform.exchange.rest.candles(symbol, interval, window)
    return {candle.open_time: candle for candle in candles}


def _compare(
    symbol: str,
    interval: Interval,
    ours: Mapping[int, Candle],
    theirs: Mapping[int, Candle],
    digits: int | None,
) -> Iterator[Difference]:
    for at in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(at), theirs.get(at)
        if mine is None or other is None:
            present = (int(mine is not None) or None, int(other is not None) or None)
            yield Difference(symbol, interval, at, "candle", *present)
            continue
        for name in _COMPARED:
            left, right = getattr(mine, name), getattr(other, name)
            if not _equal(left, right, digits):
                yield Difference(symbol, interval, at, name, left, right)


def _equal(left: Decimal | int, right: Decimal | int, digits: int | None) -> bool:
    if digits is None or left == right:
        return left == right
    return abs(Decimal(left) - Decimal(right)) <= abs(Decimal(right)).scaleb(-digits)


def _shown(value: Decimal | int | None) -> str:
    return "none" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)
