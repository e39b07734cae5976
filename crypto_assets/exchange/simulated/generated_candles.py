"""Generated candles: any minute of any symbol of the catalog since 2017, from a seed alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from math import sqrt

import numpy as np
import pyarrow as pa

from crypto_assets.exchange.simulated.array_types import Flags, Floats, Ints
from crypto_assets.exchange.simulated.decimals import DECIMAL_SCALE, make_decimal_array
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.exchange.simulated.noise import (
    draw_brownian,
    draw_normal,
    draw_uniform,
    power_of_e,
    stream_key,
)
from crypto_assets.exchange.simulated.symbol_catalog import (
    SYMBOL_BEHAVIORS,
    SYMBOL_CATALOG,
    ListedSymbol,
    SymbolBehavior,
)
from crypto_assets.market.candles import CANDLE_SCHEMA, PRICE_TYPE, VOLUME_TYPE
from crypto_assets.market.utc_time import MINUTE_MS, MINUTES_PER_DAY, Window, day_start_ms

# The exchange's first candle.
FIRST_CANDLE_MS = day_start_ms(date(2017, 8, 17)) + 4 * 60 * MINUTE_MS

_END_MS = day_start_ms(date(2100, 1, 1))

_YEAR_MINUTES = 525_960
# A symbol trades at least once in each block of so many minutes, except in an outage.
_ANCHOR_MINUTES = 128
# Longer than any run of minutes without a trade: two blocks, an outage and the quiet before it.
_LOOK_BACK = 1024

# The activity of each UTC hour relative to the day's mean.
_ASIA = (1.05, 0.95, 0.85, 0.75, 0.70, 0.70, 0.75, 0.85)
_EUROPE = (0.95, 0.95, 0.90, 0.95, 1.10, 1.35, 1.60, 1.60)
_AMERICA = (1.45, 1.25, 1.10, 1.05, 1.05, 1.00, 0.95, 0.95)
_HOURS: Floats = np.array((*_ASIA, *_EUROPE, *_AMERICA))
_WEEKDAY, _WEEKEND = 1.07, 0.75

# At most one outage in each period of 45 days, in a little more than half of them.
_PERIOD_MINUTES = 45 * 1440
_SHARE = 0.6
_SHORTEST = 4
_LONGEST = 360
_PERIOD_COUNT = 10_000_000_000 // (60 * _PERIOD_MINUTES)


class GeneratedCandles:
    """Candles of the catalog from a seed, with `outages` also rare holes common to all symbols."""

    def __init__(self, seed: int, outages: bool = False) -> None:
        self.seed = seed
        self._outages = OutageSchedule(seed) if outages else None

    @property
    def symbols(self) -> Mapping[str, ListedSymbol]:
        return SYMBOL_CATALOG

    @property
    def origin(self) -> str:
        return f"seed={self.seed}"

    def get_trading_window(self, symbol: str) -> Window:
        return Window(FIRST_CANDLE_MS, _END_MS)

    def has_interval(self, symbol: str, interval: KlineInterval) -> bool:
        return interval is KlineInterval.M1

    def get_open_window(self, symbol: str, interval: KlineInterval) -> Window:
        return self.get_trading_window(symbol)

    def select_candles(self, symbol: str, interval: KlineInterval, window: Window) -> pa.Table:
        """Return final minutes of CANDLE_SCHEMA that open in the window."""
        window &= self.get_trading_window(symbol)
        first, last = (-(-ms // MINUTE_MS) for ms in (window.start_ms, window.end_ms))
        if first >= last:
            return CANDLE_SCHEMA.empty_table()
        return _GeneratedRange(self, symbol, first, last).build_table()

    def list_outages(self, first: int, last: int) -> list[tuple[int, int, int]]:
        return self._outages.list_outages(first, last) if self._outages else []


class _GeneratedRange:
    """The minutes first ≤ m < last of a symbol, as arrays of ticks and lots."""

    def __init__(self, candles: GeneratedCandles, symbol: str, first: int, last: int) -> None:
        self.candles, self.symbol, self.first, self.last = candles, symbol, first, last
        self.listing: ListedSymbol = SYMBOL_CATALOG[symbol]
        self.behavior: SymbolBehavior = SYMBOL_BEHAVIORS[symbol]
        self.minutes = np.arange(first, last)
        self.sigma = self.behavior.volatility / sqrt(_YEAR_MINUTES)
        self.activity = MarketActivity(candles.seed, first - 2 * _LOOK_BACK, last)
        self.activity_factors = self.activity(self.minutes)

    def noise_key(self, name: str) -> int:
        return stream_key(self.candles.seed, self.symbol, name)

    def build_table(self) -> pa.Table:
        trading, before, published = self._find_trading_minutes()
        begin = min(int(before[0]) + 1, self.first)
        ticks = self._generate_ticks(begin)
        here = ticks[self.first - begin :]
        still = ticks[before + 1 - begin]
        lots, trades = self._generate_volume(trading)
        close = np.where(trading, here[1:], still)
        opening = np.where(trades == 1, close, np.maximum(here[:-1] + self._generate_jitter(), 1))
        opening = np.where(trading, opening, still)
        high, low = self._generate_extremes(opening, close, trades)
        table = self._assemble_table((opening, high, low, close), lots, trades)
        return table if published.all() else table.filter(pa.array(published))

    def _find_trading_minutes(self) -> tuple[Flags, Ints, Flags]:
        """Return per minute: has it a trade; the last earlier minute with one; is it published."""
        minutes = np.arange(self.first - _LOOK_BACK, self.last)
        trading = draw_uniform(self.noise_key("quiet"), minutes) >= self.behavior.quiet_share
        trading[self._pick_anchors(int(minutes[0])) - minutes[0]] = True
        published = np.ones(len(minutes), bool)
        for outage in self.candles.list_outages(int(minutes[0]), self.last):
            quiet_from, start, end = (max(minute - int(minutes[0]), 0) for minute in outage)
            trading[quiet_from:end] = False
            published[start:end] = False
        latest = np.maximum.accumulate(np.where(trading, minutes, minutes[0]))
        return trading[_LOOK_BACK:], latest[_LOOK_BACK - 1 : -1], published[_LOOK_BACK:]

    def _pick_anchors(self, first: int) -> Ints:
        """Return a minute of each block that has a trade however quiet the symbol is."""
        blocks = np.arange(first // _ANCHOR_MINUTES, self.last // _ANCHOR_MINUTES + 1)
        place = (draw_uniform(self.noise_key("anchor"), blocks) * _ANCHOR_MINUTES).astype(np.int64)
        anchors = blocks * _ANCHOR_MINUTES + place
        return anchors[(anchors >= first) & (anchors < self.last)]

    def _generate_ticks(self, begin: int) -> Ints:
        """Return the price in ticks at the start of each minute from `begin` to `last`."""
        keys = (stream_key(self.candles.seed, "market"), self.noise_key("price"))
        walk = draw_brownian(keys, self.behavior.market_share, begin, self.last, self.activity)
        price = power_of_e(self.sigma * walk) * (self.behavior.price * 10**self.listing.tick_digits)
        ticks: Ints = np.maximum(np.rint(price), 2).astype(np.int64)
        return ticks

    def _generate_jitter(self) -> Ints:
        """Return -1, 0 or 1 tick: the opening trade often differs from the last one."""
        return (draw_uniform(self.noise_key("jitter"), self.minutes) * 5).astype(np.int64) % 3 - 1

    def _generate_extremes(self, opening: Ints, close: Ints, trades: Ints) -> tuple[Ints, Ints]:
        spread = (0.45 * self.sigma) * self.activity_factors * close * (trades > 1)
        up = np.abs(draw_normal(self.noise_key("high"), self.minutes)) * spread
        down = np.abs(draw_normal(self.noise_key("low"), self.minutes)) * spread
        high = np.maximum(opening, close) + up.astype(np.int64)
        low = np.minimum(opening, close) - down.astype(np.int64)
        return high, np.maximum(low, 1)

    def _generate_volume(self, trading: Flags) -> tuple[Ints, Ints]:
        """Return lots and trades per minute: 0 in a minute without trading, else 1 or more."""
        behavior = self.behavior
        share = self.activity_factors / (MINUTES_PER_DAY * (1 - behavior.quiet_share))
        share *= power_of_e(0.7 * draw_normal(self.noise_key("volume"), self.minutes) - 0.25)
        size = power_of_e(0.4 * draw_normal(self.noise_key("size"), self.minutes) - 0.08)
        lots = share * size * (behavior.daily_volume * 10**self.listing.lot_digits)
        lots = np.maximum(lots, 1).astype(np.int64)
        trades = np.maximum(share * behavior.daily_trades, 1).astype(np.int64)
        return lots * trading, np.minimum(trades, lots) * trading

    def _assemble_table(
        self, prices: tuple[Ints, Ints, Ints, Ints], lots: Ints, trades: Ints
    ) -> pa.Table:
        """Return all eleven columns; the quote volume is the volume at the mean of the prices."""
        tick, lot = self.listing.tick_digits, self.listing.lot_digits
        spare, money = 10 ** max(tick + lot - DECIMAL_SCALE, 0), min(tick + lot, DECIMAL_SCALE)
        taker = (lots * (0.25 + 0.5 * draw_uniform(self.noise_key("taker"), self.minutes))).astype(
            np.int64
        )
        paid = sum(prices)
        open_time = self.minutes * MINUTE_MS
        columns = [
            pa.array(open_time),
            *(make_decimal_array(price, tick, PRICE_TYPE) for price in prices),
            make_decimal_array(lots, lot, VOLUME_TYPE),
            pa.array(open_time + (MINUTE_MS - 1)),
            make_decimal_array(paid * lots // (4 * spare), money, VOLUME_TYPE),
            pa.array(trades),
            make_decimal_array(taker, lot, VOLUME_TYPE),
            make_decimal_array(paid * taker // (4 * spare), money, VOLUME_TYPE),
        ]
        return pa.table(columns, schema=CANDLE_SCHEMA)


class MarketActivity:
    """The activity of the whole market by hour, weekday and day: factors with a mean of about 1.

    Minutes are counted since the epoch, from `first` to `last`.
    """

    def __init__(self, seed: int, first: int, last: int) -> None:
        self._first_hour = first // 60
        hours = np.arange(self._first_hour, last // 60 + 1)
        day = hours // 24
        days = np.arange(day[0], day[-1] + 1)
        mood = power_of_e(0.3 * draw_normal(stream_key(seed, "mood"), days))
        # 1970-01-01 was a Thursday.
        daily = mood * np.where((days + 3) % 7 >= 5, _WEEKEND, _WEEKDAY)
        self._factors: Floats = daily[day - day[0]] * _HOURS[hours % 24]

    def __call__(self, minutes: Ints) -> Floats:
        return self._factors[minutes // 60 - self._first_hour]


@dataclass(frozen=True)
class OutageSchedule:
    """Outages of all symbols, in minutes since the epoch.

    There are no trades from `quiet_from`, and no rows from `start` to `end` (exclusive). Outages
    last minutes to hours, short ones are more frequent. Most begin with up to 90 minutes without
    trades, as on 2023-03-24.
    """

    seed: int

    @cached_property
    def _all_outages(self) -> tuple[Ints, Ints, Ints]:
        """All outages as arrays of quiet_from, start and end, ascending."""
        index = np.arange(_PERIOD_COUNT)
        happens, place, length, prelude = (
            draw_uniform(stream_key(self.seed, "outage", name), index)
            for name in ("happens", "place", "length", "prelude")
        )
        skewed = length * length * length * length
        minutes = _SHORTEST + ((_LONGEST - _SHORTEST) * skewed).astype(np.int64)
        start = index * _PERIOD_MINUTES + 1000 + (place * (_PERIOD_MINUTES - 2000)).astype(np.int64)
        quiet_from = start - (90 * np.maximum(prelude - 0.2, 0)).astype(np.int64)
        occurs = happens < _SHARE
        return quiet_from[occurs], start[occurs], (start + minutes)[occurs]

    def list_outages(self, first: int, last: int) -> list[tuple[int, int, int]]:
        """Return (quiet_from, start, end) of each outage in first ≤ minute < last."""
        quiet_from, start, end = self._all_outages
        low, high = np.searchsorted(end, first, "right"), np.searchsorted(quiet_from, last)
        return [(int(quiet_from[i]), int(start[i]), int(end[i])) for i in range(low, high)]
