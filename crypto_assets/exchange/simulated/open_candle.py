"""The open candle: what of a final candle an onlooker has seen at an instant within it."""

from dataclasses import replace
from decimal import ROUND_DOWN, Decimal

from crypto_assets.exchange.simulated.symbol_catalog import ListedSymbol
from crypto_assets.exchange.simulated.trades import CandleTrades, generate_trades, get_trading_width
from crypto_assets.market.candles import Candle

_EIGHTH = Decimal("1E-8")


def build_open_candle(candle: Candle, listing: ListedSymbol, now: int, longest: int) -> Candle:
    """Return `candle`, which is final, as it stood at `now` (epoch ms) while it was open.

    It is made of its trades before `now`; `longest` is its interval's width in ms. Before the
    first trade it is flat at the open.
    """
    trades = generate_trades(candle, listing, longest)
    if trades is None or now - candle.open_time >= get_trading_width(candle, longest):
        return candle
    seen = trades.select_before(now)
    if not len(seen):
        return _flatten_candle(candle)
    bought = seen.select(seen.bought)
    return replace(
        candle,
        high=Decimal(int(seen.prices.max())).scaleb(-seen.tick_digits),
        low=Decimal(int(seen.prices.min())).scaleb(-seen.tick_digits),
        close=seen.get_price(-1),
        volume=_sum_volume(seen),
        quote_volume=_scale_money(candle.quote_volume, seen, trades),
        trade_count=candle.trade_count * len(seen) // len(trades),
        taker_buy_volume=_sum_volume(bought),
        taker_buy_quote_volume=_scale_money(
            candle.taker_buy_quote_volume, bought, trades.select(trades.bought)
        ),
    )


def _sum_volume(trades: CandleTrades) -> Decimal:
    return Decimal(int(trades.lots.sum())).scaleb(-trades.lot_digits)


def _scale_money(whole: Decimal, seen: CandleTrades, trades: CandleTrades) -> Decimal:
    """The seen trades' share of the candle's money."""
    total = _sum_money(trades)
    return (whole * _sum_money(seen) / total).quantize(_EIGHTH, ROUND_DOWN) if total else Decimal(0)


def _sum_money(trades: CandleTrades) -> Decimal:
    """Price times quantity of all trades, exact as long as 64 bits hold it."""
    if not len(trades):
        return Decimal(0)
    if int(trades.prices.max()) * int(trades.lots.sum()) < 2**62:
        return Decimal(int(trades.money.sum()))
    return Decimal(float((trades.prices.astype(float) * trades.lots).sum()))


def _flatten_candle(candle: Candle) -> Candle:
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
