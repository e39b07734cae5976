"""The response rows of `trades`, `historicalTrades` and `aggTrades`."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from crypto_assets.exchange.simulated.decimals import format_units
from crypto_assets.exchange.simulated.time_unit import TimeUnit
from crypto_assets.exchange.simulated.trades import CandleTrades

TradeRow = dict[str, Any]


def take_oldest_trades(parts: Iterable[CandleTrades], limit: int) -> list[CandleTrades]:
    """Return the first `limit` trades of ascending parts."""
    return list(_take_trades(parts, limit, lambda part, left: part.select(slice(0, left))))


def take_newest_trades(parts: Iterable[CandleTrades], limit: int) -> list[CandleTrades]:
    """Return the last `limit` trades, ascending, of parts whose newest comes first."""
    newest = _take_trades(
        parts, limit, lambda part, left: part.select(slice(max(len(part) - left, 0), None))
    )
    return list(newest)[::-1]


def _take_trades(
    parts: Iterable[CandleTrades], limit: int, cut: Callable[[CandleTrades, int], CandleTrades]
) -> Iterator[CandleTrades]:
    """Yield parts, the last one cut to what is left of `limit`."""
    for part in filter(len, parts):
        taken = cut(part, limit)
        yield taken
        limit -= len(taken)
        if not limit:
            return


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
    """Return rows of aggregate trades, whose id is that of their first trade."""
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
            money = format_units(price * lots, ticks + lot)
            yield (
                key,
                last,
                format_units(price, ticks),
                format_units(lots, lot),
                money,
                time,
                bought,
            )
