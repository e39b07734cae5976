"""Generated candles: any minute of any symbol of the catalogue since 2017, from the seed alone."""

from collections.abc import Mapping
from datetime import date
from math import sqrt

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crypto_assets.exchange.simulated.decimals import DECIMAL_SCALE, make_decimal_array
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.exchange.simulated.market_activity import MarketActivity
from crypto_assets.exchange.simulated.noise import (
    Ints,
    draw_brownian,
    draw_normal,
    draw_uniform,
    power_of_e,
    stream_key,
)
from crypto_assets.exchange.simulated.outage_schedule import OutageSchedule
from crypto_assets.exchange.simulated.symbol_catalog import (
    SYMBOL_BEHAVIORS,
    SYMBOL_CATALOG,
    ListedSymbol,
    SymbolBehavior,
)
from crypto_assets.market.candles import CANDLE_SCHEMA, PRICE_TYPE, VOLUME_TYPE
from crypto_assets.market.utc_time import MINUTE_MS, MINUTES_PER_DAY, Window, day_start_ms

Flags = NDArray[np.bool_]

# The exchange's first candle.
FIRST_CANDLE_MS = day_start_ms(date(2017, 8, 17)) + 4 * 60 * MINUTE_MS

_END_MS = day_start_ms(date(2100, 1, 1))

_YEAR_MINUTES = 525_960
# A symbol trades at least once in each stretch of so many minutes, outages apart.
_ANCHOR_MINUTES = 128
# Longer than any run of rows without a trade: two stretches, an outage and its silent prelude.
_LOOK_BACK = 1024


class GeneratedCandles:
    """The catalogue's candles of one seed; with `outages`, rare holes for all symbols at once."""

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
        """Final minutes, as CANDLE_SCHEMA, that open in the window; no other interval is held."""
        window &= self.get_trading_window(symbol)
        first, last = (-(-ms // MINUTE_MS) for ms in (window.start_ms, window.end_ms))
        if first >= last:
            return CANDLE_SCHEMA.empty_table()
        return _GeneratedRange(self, symbol, first, last).build_table()

    def list_outages(self, first: int, last: int) -> list[tuple[int, int, int]]:
        return self._outages.list_outages(first, last) if self._outages else []


class _GeneratedRange:
    """The minutes first ≤ m < last of one symbol, as arrays of ticks and lots."""

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
        """Per minute: is there a trade; the last minute before it with one; is a row published."""
        minutes = np.arange(self.first - _LOOK_BACK, self.last)
        trading = draw_uniform(self.noise_key("quiet"), minutes) >= self.behavior.quiet_share
        trading[self._pick_anchors(int(minutes[0])) - minutes[0]] = True
        published = np.ones(len(minutes), bool)
        for outage in self.candles.list_outages(int(minutes[0]), self.last):
            silent, start, end = (max(minute - int(minutes[0]), 0) for minute in outage)
            trading[silent:end] = False
            published[start:end] = False
        latest = np.maximum.accumulate(np.where(trading, minutes, minutes[0]))
        return trading[_LOOK_BACK:], latest[_LOOK_BACK - 1 : -1], published[_LOOK_BACK:]

    def _pick_anchors(self, first: int) -> Ints:
        """One minute of each stretch in which there is a trade however quiet the symbol is."""
        stretches = np.arange(first // _ANCHOR_MINUTES, self.last // _ANCHOR_MINUTES + 1)
        place = (draw_uniform(self.noise_key("anchor"), stretches) * _ANCHOR_MINUTES).astype(
            np.int64
        )
        anchors = stretches * _ANCHOR_MINUTES + place
        return anchors[(anchors >= first) & (anchors < self.last)]

    def _generate_ticks(self, begin: int) -> Ints:
        """The price at the beginning of each minute from `begin` to `last`, in ticks."""
        keys = (stream_key(self.candles.seed, "market"), self.noise_key("price"))
        walk = draw_brownian(keys, self.behavior.market_share, begin, self.last, self.activity)
        price = power_of_e(self.sigma * walk) * (self.behavior.price * 10**self.listing.tick_digits)
        ticks: Ints = np.maximum(np.rint(price), 2).astype(np.int64)
        return ticks

    def _generate_jitter(self) -> Ints:
        """The opening trade is often a tick off the one before."""
        return (draw_uniform(self.noise_key("jitter"), self.minutes) * 5).astype(np.int64) % 3 - 1

    def _generate_extremes(self, opening: Ints, close: Ints, trades: Ints) -> tuple[Ints, Ints]:
        reach = (0.45 * self.sigma) * self.activity_factors * close * (trades > 1)
        up = np.abs(draw_normal(self.noise_key("high"), self.minutes)) * reach
        down = np.abs(draw_normal(self.noise_key("low"), self.minutes)) * reach
        high = np.maximum(opening, close) + up.astype(np.int64)
        low = np.minimum(opening, close) - down.astype(np.int64)
        return high, np.maximum(low, 1)

    def _generate_volume(self, trading: Flags) -> tuple[Ints, Ints]:
        """Lots and trades per minute; both 0 where nobody trades, else 1 or more."""
        temper = self.behavior
        share = self.activity_factors / (MINUTES_PER_DAY * (1 - temper.quiet_share))
        share *= power_of_e(0.7 * draw_normal(self.noise_key("volume"), self.minutes) - 0.25)
        size = power_of_e(0.4 * draw_normal(self.noise_key("size"), self.minutes) - 0.08)
        lots = share * size * (temper.daily_volume * 10**self.listing.lot_digits)
        lots = np.maximum(lots, 1).astype(np.int64)
        trades = np.maximum(share * temper.daily_trades, 1).astype(np.int64)
        return lots * trading, np.minimum(trades, lots) * trading

    def _assemble_table(
        self, prices: tuple[Ints, Ints, Ints, Ints], lots: Ints, trades: Ints
    ) -> pa.Table:
        """All eleven columns; money is the mean of the four prices times the volume."""
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
