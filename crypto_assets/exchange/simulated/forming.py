"""The open candle: what of a final candle an onlooker has seen at an instant within it."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from itertools import pairwise

from crypto_assets.exchange.simulated.catalogue import Listing
from crypto_assets.exchange.simulated.noise import stream_key
from crypto_assets.market.candles import Candle


def forming(candle: Candle, listing: Listing, now: int) -> Candle:
    """`candle`, which is final, as it stood at `now` (epoch ms) while it was open.

    The price walks in straight lines from the open over low and high to the close; volumes and
    trades grow evenly. A candle without trades, or before its first, is flat at the open.
    """
    width = candle.close_time + 1 - candle.open_time
    share = Decimal(max(now - candle.open_time, 0)) / width
    trades = int(candle.trade_count * share) if candle.trade_count else 0
    volume = _part(candle.volume, share, listing.lot_size)
    if share >= 1 or not candle.volume:
        return candle
    if not volume:
        return _flat(candle)
    seen = [price for _, price in _path(candle, listing, share)]
    return replace(
        candle,
        high=max(seen),
        low=min(seen),
        close=seen[-1],
        volume=volume,
        quote_volume=_part(candle.quote_volume, share, Decimal("1E-8")),
        trade_count=min(max(trades, 1), candle.trade_count),
        taker_buy_volume=_part(candle.taker_buy_volume, share, listing.lot_size),
        taker_buy_quote_volume=_part(candle.taker_buy_quote_volume, share, Decimal("1E-8")),
    )


def _part(whole: Decimal, share: Decimal, step: Decimal) -> Decimal:
    return (whole * share).quantize(step, ROUND_DOWN)


def _flat(candle: Candle) -> Candle:
    nothing = Decimal(0)
    return replace(
        candle,
        high=candle.open,
        low=candle.open,
        close=candle.open,
        volume=nothing,
        quote_volume=nothing,
        trade_count=0,
        taker_buy_volume=nothing,
        taker_buy_quote_volume=nothing,
    )


def _path(candle: Candle, listing: Listing, share: Decimal) -> Iterator[tuple[Decimal, Decimal]]:
    """Turning points (share of the time, price) up to `share`, the price at `share` last."""
    for (begin, start), (end, goal) in pairwise(_turns(candle)):
        yield begin, start
        if share <= end:
            price = start + (goal - start) * (share - begin) / (end - begin)
            yield share, price.quantize(listing.tick_size, ROUND_HALF_EVEN)
            return


def _turns(candle: Candle) -> list[tuple[Decimal, Decimal]]:
    """Where the price turns; which of high and low comes first differs from candle to candle."""
    word = stream_key(candle.open_time, "turns")
    early, late = Decimal(10 + word % 35) / 100, Decimal(55 + word // 64 % 35) / 100
    first, second = (candle.low, candle.high) if word >> 63 else (candle.high, candle.low)
    return [
        (Decimal(0), candle.open),
        (early, first),
        (late, second),
        (Decimal(1), candle.close),
    ]
