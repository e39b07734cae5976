"""The keys of the lake's objects: UTC day, symbol, kind, times and source."""

import re
from dataclasses import dataclass
from datetime import date

from crypto_assets.errors import LakeError
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.symbols import is_symbol
from crypto_assets.market.utc_time import day_of, format_utc

# A symbol has no lower-case ASCII letters, so the kind after it is unambiguous.
_KLINES = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)/(?P<symbol>[^/a-z]+)"
    r"_klines_(?P<first>\d{1,14})-(?P<last>\d{1,14})_(?P<source>rest|archive|import|verified)\.json",
    re.ASCII,
)
_DEPTH = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)/(?P<symbol>[^/a-z]+)_depth_(?P<captured>\d{1,14})\.json",
    re.ASCII,
)


@dataclass(frozen=True)
class KeyParts:
    """The parts of a key. Times in epoch ms: open times of klines, or twice the capture time."""

    day: date
    symbol: str
    kind: ObjectKind
    first_time: int
    last_time: int
    source: Source


def build_klines_key(symbol: str, first: int, last: int, source: Source) -> str:
    """Return the key of candles with open times from `first` to `last` (epoch ms, inclusive).

    Raises LakeError where they are not in one UTC day, or not in order.
    """
    day = day_of(first)
    if last < first or day_of(last) != day:
        raise LakeError(
            f"an object holds one UTC day in order, not {format_utc(first)} to {format_utc(last)}"
        )
    return f"{day}/{symbol}_klines_{first}-{last}_{source}.json"


def build_depth_key(symbol: str, captured: int) -> str:
    """Return the key of an order book captured at a time in epoch ms."""
    return f"{day_of(captured)}/{symbol}_depth_{captured}.json"


def day_prefix(day: date) -> str:
    return f"{day}/"


def symbol_prefix(day: date, symbol: str, kind: ObjectKind) -> str:
    """Return the prefix of a symbol's keys of a day and kind."""
    return f"{day}/{symbol}_{kind}_"


def parse_key(key: str) -> KeyParts | None:
    """Parse a key. Returns None for another layout, or for times outside its day."""
    klines = _KLINES.fullmatch(key)
    match = klines or _DEPTH.fullmatch(key)
    if not match or not is_symbol(match["symbol"]):
        return None
    first = int(match["first"] if klines else match["captured"])
    last = int(match["last"]) if klines else first
    if last < first or {str(day_of(first)), str(day_of(last))} != {match["day"]}:
        return None
    return KeyParts(
        day=day_of(first),
        symbol=match["symbol"],
        kind=ObjectKind.KLINES if klines else ObjectKind.DEPTH,
        first_time=first,
        last_time=last,
        source=Source(match["source"]) if klines else Source.REST,
    )
