"""Generated candles: any minute of any symbol of the catalogue since 2017, from the seed alone."""

from collections.abc import Mapping
from datetime import date
from math import sqrt

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crypto_assets.exchange.simulated.decimals import SCALE, exact
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.exchange.simulated.market_activity import Pulse
from crypto_assets.exchange.simulated.noise import (
    Ints,
    brownian,
    normal,
    power_of_e,
    stream_key,
    uniform,
)
from crypto_assets.exchange.simulated.outage_schedule import OutageSchedule
from crypto_assets.exchange.simulated.symbol_catalog import CATALOGUE, TEMPERS, Listing, Temper
from crypto_assets.market.candles import CANDLE_SCHEMA, PRICE_TYPE, VOLUME_TYPE
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window, day_start_ms

Flags = NDArray[np.bool_]

# The exchange's first candle.
FIRST_MS = day_start_ms(date(2017, 8, 17)) + 4 * 60 * MINUTE_MS

_END_MS = day_start_ms(date(2100, 1, 1))

_YEAR_MINUTES = 525_960
# A symbol trades at least once in each stretch of so many minutes, outages apart.
_STRETCH = 128
# Longer than any run of rows without a trade: two stretches, an outage and its silent prelude.
_LOOK_BACK = 1024
_DAY_MINUTES = DAY_MS // MINUTE_MS


class GeneratedCandles:
    """The catalogue's candles of one seed; with `outages`, rare holes for all symbols at once."""

    def __init__(self, seed: int, outages: bool = False) -> None:
        self.seed = seed
        self._outages = OutageSchedule(seed) if outages else None

    @property
    def symbols(self) -> Mapping[str, Listing]:
        return CATALOGUE

    @property
    def origin(self) -> str:
        return f"seed={self.seed}"

    def span(self, symbol: str) -> Window:
        return Window(FIRST_MS, _END_MS)

    def holds(self, symbol: str, interval: KlineInterval) -> bool:
        return interval is KlineInterval.M1

    def opens(self, symbol: str, interval: KlineInterval) -> Window:
        return self.span(symbol)

    def candles(self, symbol: str, interval: KlineInterval, window: Window) -> pa.Table:
        """Final minutes, as CANDLE_SCHEMA, that open in the window; no other interval is held."""
        window &= self.span(symbol)
        first, last = (-(-ms // MINUTE_MS) for ms in (window.start_ms, window.end_ms))
        if first >= last:
            return CANDLE_SCHEMA.empty_table()
        return _Stretch(self, symbol, first, last).table()

    def outage_minutes(self, first: int, last: int) -> list[tuple[int, int, int]]:
        return self._outages.spans(first, last) if self._outages else []


class _Stretch:
    """The minutes first ≤ m < last of one symbol, as arrays of ticks and lots."""

    def __init__(self, candles: GeneratedCandles, symbol: str, first: int, last: int) -> None:
        self.candles, self.symbol, self.first, self.last = candles, symbol, first, last
        self.listing: Listing = CATALOGUE[symbol]
        self.temper: Temper = TEMPERS[symbol]
        self.minutes = np.arange(first, last)
        self.sigma = self.temper.volatility / sqrt(_YEAR_MINUTES)
        self.pulse = Pulse(candles.seed, first - 2 * _LOOK_BACK, last)
        self.liveliness = self.pulse(self.minutes)

    def key(self, name: str) -> int:
        return stream_key(self.candles.seed, self.symbol, name)

    def table(self) -> pa.Table:
        trading, before, published = self._trading()
        begin = min(int(before[0]) + 1, self.first)
        ticks = self._ticks(begin)
        here = ticks[self.first - begin :]
        still = ticks[before + 1 - begin]
        lots, trades = self._volume(trading)
        close = np.where(trading, here[1:], still)
        opening = np.where(trades == 1, close, np.maximum(here[:-1] + self._jitter(), 1))
        opening = np.where(trading, opening, still)
        high, low = self._extremes(opening, close, trades)
        table = self._assemble((opening, high, low, close), lots, trades)
        return table if published.all() else table.filter(pa.array(published))

    def _trading(self) -> tuple[Flags, Ints, Flags]:
        """Per minute: is there a trade; the last minute before it with one; is a row published."""
        minutes = np.arange(self.first - _LOOK_BACK, self.last)
        trading = uniform(self.key("quiet"), minutes) >= self.temper.quiet
        trading[self._anchors(int(minutes[0])) - minutes[0]] = True
        published = np.ones(len(minutes), bool)
        for outage in self.candles.outage_minutes(int(minutes[0]), self.last):
            silent, start, end = (max(minute - int(minutes[0]), 0) for minute in outage)
            trading[silent:end] = False
            published[start:end] = False
        latest = np.maximum.accumulate(np.where(trading, minutes, minutes[0]))
        return trading[_LOOK_BACK:], latest[_LOOK_BACK - 1 : -1], published[_LOOK_BACK:]

    def _anchors(self, first: int) -> Ints:
        """One minute of each stretch in which there is a trade however quiet the symbol is."""
        stretches = np.arange(first // _STRETCH, self.last // _STRETCH + 1)
        place = (uniform(self.key("anchor"), stretches) * _STRETCH).astype(np.int64)
        anchors = stretches * _STRETCH + place
        return anchors[(anchors >= first) & (anchors < self.last)]

    def _ticks(self, begin: int) -> Ints:
        """The price at the beginning of each minute from `begin` to `last`, in ticks."""
        keys = (stream_key(self.candles.seed, "market"), self.key("price"))
        walk = brownian(keys, self.temper.market_share, begin, self.last, self.pulse)
        price = power_of_e(self.sigma * walk) * (self.temper.price * 10**self.listing.tick_digits)
        ticks: Ints = np.maximum(np.rint(price), 2).astype(np.int64)
        return ticks

    def _jitter(self) -> Ints:
        """The opening trade is often a tick off the one before."""
        return (uniform(self.key("jitter"), self.minutes) * 5).astype(np.int64) % 3 - 1

    def _extremes(self, opening: Ints, close: Ints, trades: Ints) -> tuple[Ints, Ints]:
        reach = (0.45 * self.sigma) * self.liveliness * close * (trades > 1)
        up = np.abs(normal(self.key("high"), self.minutes)) * reach
        down = np.abs(normal(self.key("low"), self.minutes)) * reach
        high = np.maximum(opening, close) + up.astype(np.int64)
        low = np.minimum(opening, close) - down.astype(np.int64)
        return high, np.maximum(low, 1)

    def _volume(self, trading: Flags) -> tuple[Ints, Ints]:
        """Lots and trades per minute; both 0 where nobody trades, else 1 or more."""
        temper = self.temper
        share = self.liveliness / (_DAY_MINUTES * (1 - temper.quiet))
        share *= power_of_e(0.7 * normal(self.key("volume"), self.minutes) - 0.25)
        size = power_of_e(0.4 * normal(self.key("size"), self.minutes) - 0.08)
        lots = share * size * (temper.daily_volume * 10**self.listing.lot_digits)
        lots = np.maximum(lots, 1).astype(np.int64)
        trades = np.maximum(share * temper.daily_trades, 1).astype(np.int64)
        return lots * trading, np.minimum(trades, lots) * trading

    def _assemble(
        self, prices: tuple[Ints, Ints, Ints, Ints], lots: Ints, trades: Ints
    ) -> pa.Table:
        """All eleven columns; money is the mean of the four prices times the volume."""
        tick, lot = self.listing.tick_digits, self.listing.lot_digits
        spare, money = 10 ** max(tick + lot - SCALE, 0), min(tick + lot, SCALE)
        taker = (lots * (0.25 + 0.5 * uniform(self.key("taker"), self.minutes))).astype(np.int64)
        paid = sum(prices)
        open_time = self.minutes * MINUTE_MS
        columns = [
            pa.array(open_time),
            *(exact(price, tick, PRICE_TYPE) for price in prices),
            exact(lots, lot, VOLUME_TYPE),
            pa.array(open_time + (MINUTE_MS - 1)),
            exact(paid * lots // (4 * spare), money, VOLUME_TYPE),
            pa.array(trades),
            exact(taker, lot, VOLUME_TYPE),
            exact(paid * taker // (4 * spare), money, VOLUME_TYPE),
        ]
        return pa.table(columns, schema=CANDLE_SCHEMA)
