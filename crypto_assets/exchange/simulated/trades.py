"""Generated trades of a candle, and the open candle, which is built from them.

The simulated exchange stores candles, not trades. The trades of a candle are computed from it
alone, so they are always the same. For a candle with volume they reproduce

- open, high, low, close, volume and taker buy volume, exactly;
- the number of trades, where the candle has one (otherwise there are up to 60, one per second).
  A candle whose number is too small for its four prices, or for takers of both sides, gets the
  few more trades that it needs;
- the quote volumes, exactly, where prices and lots allow it: that takes some trades of each side
  and a quote volume that the prices can produce.

Trades are spread evenly over the candle's time: after the share k/n of it, k of n trades have
happened. Ids ascend with time and have gaps: an id is the trade's time in ms times 1,000, plus its
position among the trades of that millisecond.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from functools import lru_cache
from itertools import groupby

import numpy as np

from crypto_assets.exchange.simulated.array_types import Flags, Ints
from crypto_assets.exchange.simulated.decimals import DECIMAL_SCALE, DECIMAL_STEP
from crypto_assets.exchange.simulated.noise import stream_key
from crypto_assets.exchange.simulated.symbol_catalog import ListedSymbol
from crypto_assets.market.candles import Candle

IDS_PER_MS = 1000

_UNSTATED_COUNT = 60
_LARGEST_COUNT = 100_000
_KEPT_CANDLES = 32
_LARGEST_SUM = 2**62


@dataclass(frozen=True)
class CandleTrades:
    """Trades of a candle, ascending; prices and lots in units of 10^-digits.

    `ids` and `last_ids` differ for aggregate trades. `bought` marks trades whose taker bought.
    """

    times: Ints
    ids: Ints
    last_ids: Ints
    prices: Ints
    lots: Ints
    bought: Flags
    tick_digits: int
    lot_digits: int

    def __len__(self) -> int:
        return len(self.times)

    def select(self, rows: Flags | slice) -> "CandleTrades":
        columns = ("times", "ids", "last_ids", "prices", "lots", "bought")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})

    def select_before(self, now: int) -> "CandleTrades":
        """Return the trades before a time."""
        return self.select(slice(0, int(np.searchsorted(self.times, now))))

    def aggregate_neighbors(self) -> "CandleTrades":
        """Return the aggregate trades: neighbors of the same millisecond, price and taker side."""
        if not len(self):
            return self
        is_first = np.ones(len(self), bool)
        is_first[1:] = (
            (self.times[1:] != self.times[:-1])
            | (self.prices[1:] != self.prices[:-1])
            | (self.bought[1:] != self.bought[:-1])
        )
        starts = np.flatnonzero(is_first)
        ends = np.append(starts[1:], len(self)) - 1
        first = self.select(is_first)
        return replace(first, last_ids=self.last_ids[ends], lots=np.add.reduceat(self.lots, starts))

    @property
    def money(self) -> Ints:
        """Price times quantity, in units of 10^-(tick_digits + lot_digits)."""
        return self.prices * self.lots

    def get_price(self, index: int) -> Decimal:
        return Decimal(int(self.prices[index])).scaleb(-self.tick_digits)

    def get_quantity(self, index: int) -> Decimal:
        return Decimal(int(self.lots[index])).scaleb(-self.lot_digits)


@lru_cache(maxsize=_KEPT_CANDLES)
def generate_trades(candle: Candle, listing: ListedSymbol, max_width: int) -> CandleTrades | None:
    """Generate the trades of a final candle; None for a candle without volume.

    All trades lie within `max_width` ms, the width of the interval, so that the trades of two
    candles never overlap even where the close time is later.
    """
    if candle.volume <= 0:
        return None
    tick_digits = _choose_digits(
        listing.tick_digits, candle.open, candle.high, candle.low, candle.close
    )
    turns = _find_turns(candle, tick_digits)
    needed = max(len(turns), 2 if 0 < candle.taker_buy_volume < candle.volume else 1)
    lot_digits = _choose_digits(listing.lot_digits, candle.volume, candle.taker_buy_volume)
    if _count_units(candle.volume, lot_digits) < max(candle.trade_count, needed):
        lot_digits = DECIMAL_SCALE
    lots = _count_units(candle.volume, lot_digits)
    width = get_trading_width(candle, max_width)
    stated = min(candle.trade_count or _UNSTATED_COUNT, _LARGEST_COUNT, IDS_PER_MS * width)
    count = max(min(max(stated, needed), lots), 1)
    places = _place_turns(candle, len(turns), count)
    prices = np.rint(np.interp(np.arange(count), places, turns[: len(places)])).astype(np.int64)
    bought_lots = min(_count_units(candle.taker_buy_volume, lot_digits), lots)
    bought = _assign_sides(count, lots, bought_lots)
    quantities = np.zeros(count, np.int64)
    for side, whole in ((bought, bought_lots), (~bought, lots - bought_lots)):
        quantities[side] = _split_evenly(whole, int(side.sum()))
    movable = np.ones(count, bool)
    movable[places] = False
    digits = tick_digits + lot_digits
    targets = _compute_targets(candle, digits)
    if targets and max(turns) * lots < _LARGEST_SUM:
        for side, target in zip((bought, ~bought), targets, strict=True):
            _balance_money(prices, quantities, np.flatnonzero(side), movable, target)
    times, ids = _spread_times(candle.open_time, width, count)
    return CandleTrades(times, ids, ids, prices, quantities, bought, tick_digits, lot_digits)


def get_trading_width(candle: Candle, max_width: int) -> int:
    """Return the width in ms of a candle's trading time, at most `max_width`."""
    return min(max(candle.close_time + 1 - candle.open_time, 1), max_width)


def _choose_digits(digits: int, *values: Decimal) -> int:
    """Return `digits` if all values are exact with them, else the eight of every column."""
    fits = all(value == value.quantize(Decimal(1).scaleb(-digits)) for value in values)
    return digits if fits else DECIMAL_SCALE


def _count_units(value: Decimal, digits: int) -> int:
    return int(value.scaleb(digits))


def _find_turns(candle: Candle, digits: int) -> list[int]:
    """Return the turning points in ticks: open, high and low in either order, close."""
    opened, high, low, close = (
        _count_units(value, digits)
        for value in (candle.open, candle.high, candle.low, candle.close)
    )
    word = stream_key(candle.open_time, "turns")
    orders = [
        [price for price, _ in groupby((opened, *middle, close))]
        for middle in ((high, low), (low, high))
    ]
    if word >> 63:
        orders.reverse()
    has_few_trades = 0 < candle.trade_count < len(orders[0])
    return min(orders, key=len) if has_few_trades else orders[0]


def _place_turns(candle: Candle, turns: int, count: int) -> Ints:
    """Return the trades of the turning points: the first, the last, and random ones between."""
    word = stream_key(candle.open_time, "turns")
    early, late = (10 + word % 35) / 100, (55 + word // 64 % 35) / 100
    last = count - 1
    turns = min(turns, count)
    if turns < 3:
        return np.array([0, last][:turns])
    if turns == 3:
        return np.array([0, min(max(round(early * last), 1), last - 1), last])
    first = min(max(round(early * last), 1), last - 2)
    return np.array([0, first, min(max(round(late * last), first + 1), last - 1), last])


def _assign_sides(count: int, lots: int, bought_lots: int) -> Flags:
    """Return which takers bought: the candle's share of them, spread evenly."""
    buys = round(count * bought_lots / lots)
    if 0 < bought_lots < lots and count > 1:
        buys = min(max(buys, 1, count - (lots - bought_lots)), count - 1, bought_lots)
    steps = np.arange(count + 1) * buys // count
    return steps[1:] > steps[:-1]


def _split_evenly(whole: int, parts: int) -> Ints:
    if not parts:
        return np.zeros(0, np.int64)
    extra = np.arange(parts + 1) * (whole % parts) // parts
    shares: Ints = whole // parts + np.diff(extra)
    return shares


def _compute_targets(candle: Candle, digits: int) -> tuple[int, int] | None:
    """Return the money of buying and of selling takers; None where it cannot be reproduced."""
    quote, bought = candle.quote_volume, candle.taker_buy_quote_volume
    whole = [value.scaleb(digits) for value in (bought, quote - bought)]
    if not quote or any(value != int(value) or value < 0 for value in whole):
        return None
    return int(whole[0]), int(whole[1])


def _balance_money(prices: Ints, lots: Ints, side: Ints, movable: Flags, target: int) -> None:
    """Move lots between the trades of one side until their money is `target`.

    Lots go to the highest (or lowest) price, from the cheapest (or dearest) trades first. The rest
    is added to the price of a trade of one lot. Changes nothing where the target is out of reach.
    """
    if len(side) < 3:
        return
    price, quantity = prices[side], lots[side]
    high, low = int(np.argmax(price)), int(np.argmin(price))
    # One of three trades is neither the highest nor the lowest.
    spare = [i for i in np.flatnonzero(movable[side])[:3].tolist() if i not in (high, low)]
    if not spare or price[high] == price[low]:
        return
    balance = spare[0]
    quantity[high] += quantity[balance] - 1
    price[balance], quantity[balance] = price[low], 1
    missing = target - int((price * quantity).sum())
    taker = high if missing > 0 else low
    gains = np.abs(price[taker] - price)
    gains[balance] = 0
    givers = np.argsort(-gains, kind="stable")
    given = np.cumsum(gains[givers] * (quantity[givers] - 1))
    if given[-1] < abs(missing):
        return
    index = int(np.searchsorted(given, abs(missing)))
    if missing:
        whole = givers[:index]
        left = abs(missing) - (int(given[index - 1]) if index else 0)
        giver, gain = givers[index], int(gains[givers[index]])
        # Downwards, one lot more moves, so that the balancing price is raised there too.
        moved = left // gain if missing > 0 else -(-left // gain)
        quantity[taker] += int((quantity[whole] - 1).sum()) + moved
        quantity[whole] = 1
        quantity[giver] -= moved
        price[balance] += abs(left - moved * gain)
    prices[side], lots[side] = price, quantity


def _spread_times(opened: int, width: int, count: int) -> tuple[Ints, Ints]:
    """Return times in ms and ids of trades spread evenly over a candle."""
    index = np.arange(count)
    since = ((index + 1) * width - 1) // count
    place = index - since * count // width
    times = opened + since
    return times, times * IDS_PER_MS + place


def build_open_candle(candle: Candle, listing: ListedSymbol, now: int, max_width: int) -> Candle:
    """Return the state of a final candle at `now` (epoch ms), while it was open.

    It is built from the trades before `now`; `max_width` is the interval's width in ms. Before the
    first trade it is flat at the open.
    """
    trades = generate_trades(candle, listing, max_width)
    if trades is None or now - candle.open_time >= get_trading_width(candle, max_width):
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
    """Return the part of the candle's money that belongs to the trades seen so far."""
    total = _sum_money(trades)
    if not total:
        return Decimal(0)
    return (whole * _sum_money(seen) / total).quantize(DECIMAL_STEP, ROUND_DOWN)


def _sum_money(trades: CandleTrades) -> Decimal:
    """Return price times quantity of all trades, exact if it fits into 64 bits."""
    if not len(trades):
        return Decimal(0)
    if int(trades.prices.max()) * int(trades.lots.sum()) < 2**62:
        return Decimal(int(trades.money.sum()))
    return Decimal(float((trades.prices.astype(float) * trades.lots).sum()))


def _flatten_candle(candle: Candle) -> Candle:
    zero = Decimal(0)
    return replace(
        candle,
        high=candle.open,
        low=candle.open,
        close=candle.open,
        volume=zero,
        quote_volume=zero,
        trade_count=0,
        taker_buy_volume=zero,
        taker_buy_quote_volume=zero,
    )
