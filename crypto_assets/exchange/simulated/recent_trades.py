"""The rows of `trades`, `historicalTrades` and `aggTrades`."""

from collections.abc import Iterable, Iterator
from typing import Any

from crypto_assets.exchange.simulated.decimals import DECIMAL_SCALE
from crypto_assets.exchange.simulated.time_unit import TimeUnit
from crypto_assets.exchange.simulated.trades import CandleTrades

TradeRow = dict[str, Any]


def take_oldest_trades(parts: Iterable[CandleTrades], limit: int) -> list[CandleTrades]:
    """Take the first `limit` trades of ascending parts."""
    chosen: list[CandleTrades] = []
    for part in parts:
        if not len(part):
            continue
        chosen.append(part.select(slice(0, limit)))
        limit -= len(chosen[-1])
        if not limit:
            break
    return chosen


def take_newest_trades(parts: Iterable[CandleTrades], limit: int) -> list[CandleTrades]:
    """Take the last `limit` trades of parts whose newest comes first; ascending."""
    chosen: list[CandleTrades] = []
    for part in parts:
        if not len(part):
            continue
        chosen.append(part.select(slice(max(len(part) - limit, 0), None)))
        limit -= len(chosen[-1])
        if not limit:
            break
    return chosen[::-1]


def build_trade_rows(parts: Iterable[CandleTrades], unit: TimeUnit) -> list[TradeRow]:
    return [
        {
            "id": key,
            "price": price,
            "qty": quantity,
            "quoteQty": money,
            "time": unit.convert_ms(time),
            "isBuyerMaker": not bought,
            "isBestMatch": True,
        }
        for key, _, price, quantity, money, time, bought in _iterate_fields(parts)
    ]


def build_aggregate_rows(parts: Iterable[CandleTrades], unit: TimeUnit) -> list[TradeRow]:
    """Of aggregated trades; the id of an aggregate is that of its first trade."""
    return [
        {
            "a": key,
            "p": price,
            "q": quantity,
            "f": key,
            "l": last,
            "T": unit.convert_ms(time),
            "m": not bought,
            "M": True,
        }
        for key, last, price, quantity, _, time, bought in _iterate_fields(parts)
    ]


def _iterate_fields(
    parts: Iterable[CandleTrades],
) -> Iterator[tuple[int, int, str, str, str, int, bool]]:
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
            money = _format_units(price * lots, ticks + lot)
            yield (
                key,
                last,
                _format_units(price, ticks),
                _format_units(lots, lot),
                money,
                time,
                bought,
            )


def _format_units(units: int, digits: int) -> str:
    """Units of 10^-digits with eight decimals, cut off."""
    units = (
        units * 10 ** (DECIMAL_SCALE - digits)
        if digits <= DECIMAL_SCALE
        else units // 10 ** (digits - DECIMAL_SCALE)
    )
    whole, part = divmod(units, 10**DECIMAL_SCALE)
    return f"{whole}.{part:08d}"
