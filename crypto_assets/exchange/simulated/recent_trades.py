"""The rows of `trades`, `historicalTrades` and `aggTrades`."""

from collections.abc import Iterable, Iterator
from typing import Any

from crypto_assets.exchange.simulated.decimals import SCALE
from crypto_assets.exchange.simulated.time_unit import TimeUnit
from crypto_assets.exchange.simulated.trades import Trades

Row = dict[str, Any]


def oldest(parts: Iterable[Trades], limit: int) -> list[Trades]:
    """Take the first `limit` trades of ascending parts."""
    chosen: list[Trades] = []
    for part in parts:
        if not len(part):
            continue
        chosen.append(part.select(slice(0, limit)))
        limit -= len(chosen[-1])
        if not limit:
            break
    return chosen


def newest(parts: Iterable[Trades], limit: int) -> list[Trades]:
    """Take the last `limit` trades of parts whose newest comes first; ascending."""
    chosen: list[Trades] = []
    for part in parts:
        if not len(part):
            continue
        chosen.append(part.select(slice(max(len(part) - limit, 0), None)))
        limit -= len(chosen[-1])
        if not limit:
            break
    return chosen[::-1]


def trade_rows(parts: Iterable[Trades], unit: TimeUnit) -> list[Row]:
    return [
        {
            "id": key,
            "price": price,
            "qty": quantity,
            "quoteQty": money,
            "time": unit.instant(time),
            "isBuyerMaker": not bought,
            "isBestMatch": True,
        }
        for key, _, price, quantity, money, time, bought in _fields(parts)
    ]


def aggregate_rows(parts: Iterable[Trades], unit: TimeUnit) -> list[Row]:
    """Of aggregated trades; the id of an aggregate is that of its first trade."""
    return [
        {
            "a": key,
            "p": price,
            "q": quantity,
            "f": key,
            "l": last,
            "T": unit.instant(time),
            "m": not bought,
            "M": True,
        }
        for key, last, price, quantity, _, time, bought in _fields(parts)
    ]


def _fields(parts: Iterable[Trades]) -> Iterator[tuple[int, int, str, str, str, int, bool]]:
    for part in parts:
        rows = zip(
            part.ids.tolist(),
            part.last_ids.tolist(),
            part.prices.tolist(),
            part.lots.tolist(),
            part.times.tolist(),
            part.bought.tolist(),
            strict=True,
        )
        ticks, lot = part.tick_digits, part.lot_digits
        for key, last, price, lots, time, bought in rows:
            money = _text(price * lots, ticks + lot)
            yield key, last, _text(price, ticks), _text(lots, lot), money, time, bought


def _text(units: int, digits: int) -> str:
    """Units of 10^-digits with eight decimals, cut off."""
    units = units * 10 ** (SCALE - digits) if digits <= SCALE else units // 10 ** (digits - SCALE)
    whole, part = divmod(units, 10**SCALE)
    return f"{whole}.{part:08d}"
