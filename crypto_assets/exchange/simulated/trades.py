"""Trades made up for a candle, so that they give the candle again.

The exchange served here keeps candles, not trades. The trades of a candle are computed from it
alone, and always the same. For each candle with volume they give

- its open, high, low and close, its volume and its taker buy volume, to the last digit;
- its number of trades, where the candle states one (otherwise there are up to 60, one a second)
  and where that is enough for all four prices and for takers of both sides (one trade cannot be
  bought and sold by its taker: such a candle gets the few more that it needs);
- its quote volumes to the last digit, where prices and lots allow it: a candle needs some trades
  of each side, and a quote volume that its prices can give.

They are spread evenly over the candle's time: the k-th of n is the last that an onlooker sees
when the share k/n of the time is over. Ids ascend with time and have gaps: an id is the trade's
time in ms times 1,000, plus its place among the trades of that millisecond.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from crypto_assets.exchange.simulated.decimals import DECIMAL_SCALE
from crypto_assets.exchange.simulated.noise import Ints, stream_key
from crypto_assets.exchange.simulated.symbol_catalog import ListedSymbol
from crypto_assets.market.candles import Candle

Flags = NDArray[np.bool_]

IDS_PER_MS = 1000

_UNSTATED_COUNT = 60
_LARGEST_COUNT = 100_000
_KEPT_CANDLES = 32
_LARGEST_SUM = 2**62


@dataclass(frozen=True)
class CandleTrades:
    """Trades of one candle, ascending; prices and lots in units of 10^-digits.

    `ids` and `last_ids` differ where trades were aggregated. `bought` says that the taker bought.
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

    def select(self, chosen: Flags | slice) -> "CandleTrades":
        columns = ("times", "ids", "last_ids", "prices", "lots", "bought")
        return replace(self, **{name: getattr(self, name)[chosen] for name in columns})

    def select_before(self, now: int) -> "CandleTrades":
        """Return the trades that happened before an instant."""
        return self.select(slice(0, int(np.searchsorted(self.times, now))))

    def aggregate_neighbors(self) -> "CandleTrades":
        """Join neighbors of the same millisecond, price and taker side."""
        if not len(self):
            return self
        fresh = np.ones(len(self), bool)
        fresh[1:] = (
            (self.times[1:] != self.times[:-1])
            | (self.prices[1:] != self.prices[:-1])
            | (self.bought[1:] != self.bought[:-1])
        )
        starts = np.flatnonzero(fresh)
        ends = np.append(starts[1:], len(self)) - 1
        first = self.select(fresh)
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
def generate_trades(candle: Candle, listing: ListedSymbol, longest: int) -> CandleTrades | None:
    """Make up the trades of a final candle; None where it has no volume.

    `longest` is the width of its interval in ms: a close time beyond that is cut off, so that
    trades of two candles never mix.
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
    width = get_trading_width(candle, longest)
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


def get_trading_width(candle: Candle, longest: int) -> int:
    """Return for how many ms a candle has trades, at most `longest`."""
    return min(max(candle.close_time + 1 - candle.open_time, 1), longest)


def _choose_digits(digits: int, *values: Decimal) -> int:
    """`digits` where they hold all values, else those of every column."""
    fits = all(value == value.quantize(Decimal(1).scaleb(-digits)) for value in values)
    return digits if fits else DECIMAL_SCALE


def _count_units(value: Decimal, digits: int) -> int:
    return int(value.scaleb(digits))


def _find_turns(candle: Candle, digits: int) -> list[int]:
    """Where the price turns: open, high and low in either order, close, in ticks."""
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
    few = 0 < candle.trade_count < len(orders[0])
    return min(orders, key=len) if few else orders[0]


def _place_turns(candle: Candle, turns: int, count: int) -> Ints:
    """At which trades the price turns: the first, the last, and those between by chance."""
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
    """Which takers bought: the share that the candle states, spread evenly."""
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
    """The money of buying and of selling takers; None where the candle cannot be made up so."""
    quote, bought = candle.quote_volume, candle.taker_buy_quote_volume
    whole = [value.scaleb(digits) for value in (bought, quote - bought)]
    if not quote or any(value != int(value) or value < 0 for value in whole):
        return None
    return int(whole[0]), int(whole[1])


def _balance_money(prices: Ints, lots: Ints, side: Ints, movable: Flags, target: int) -> None:
    """Move lots between the trades of one side until their money is `target`.

    Lots go to the highest (or lowest) price from the cheapest (or dearest) trades first. What no
    whole lot can settle is added to the price of one trade of a single lot. Nothing changes where
    that cannot succeed.
    """
    if len(side) < 3:
        return
    price, quantity = prices[side], lots[side]
    high, low = int(np.argmax(price)), int(np.argmin(price))
    # Of three at least one is neither the highest nor the lowest.
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
        # Going down, one lot more is moved, so that the balance is to be raised there too.
        moved = left // gain if missing > 0 else -(-left // gain)
        quantity[taker] += int((quantity[whole] - 1).sum()) + moved
        quantity[whole] = 1
        quantity[giver] -= moved
        price[balance] += abs(left - moved * gain)
    prices[side], lots[side] = price, quantity


def _spread_times(opened: int, width: int, count: int) -> tuple[Ints, Ints]:
    """Times in ms, and ids, of trades spread evenly over a candle."""
    index = np.arange(count)
    since = ((index + 1) * width - 1) // count
    place = index - since * count // width
    times = opened + since
    return times, times * IDS_PER_MS + place
