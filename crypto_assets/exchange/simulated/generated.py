"""Generated candles: any minute of any symbol of the catalogue since 2017, from the seed alone."""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crypto_assets.exchange.simulated.catalogue import CATALOGUE, TEMPERS, Listing, Temper
from crypto_assets.exchange.simulated.noise import (
    Floats,
    Ints,
    brownian,
    normal,
    power_of_e,
    stream_key,
    uniform,
)
from crypto_assets.exchange.simulated.outages import OutageSchedule
from crypto_assets.market.candles import CANDLE_SCHEMA, PRICE, VOLUME
from crypto_assets.market.clock import DAY_MS, MINUTE_MS, Window, day_start_ms
from crypto_assets.market.intervals import Interval

# The exchange's first candle.
FIRST_MS = day_start_ms(date(2017, 8, 17)) + 4 * 60 * MINUTE_MS

_END_MS = day_start_ms(date(2100, 1, 1))

_YEAR_MINUTES = 525_960
# A symbol trades at least once in each stretch of so many minutes, outages apart.
_STRETCH = 128
# Longer than any run of rows without a trade: two stretches, an outage and its silent prelude.
_LOOK_BACK = 1024
_DAY_MINUTES = DAY_MS // MINUTE_MS
# How lively each UTC hour is, against the day's mean.
_ASIA = (1.05, 0.95, 0.85, 0.75, 0.70, 0.70, 0.75, 0.85)
_EUROPE = (0.95, 0.95, 0.90, 0.95, 1.10, 1.35, 1.60, 1.60)
_AMERICA = (1.45, 1.25, 1.10, 1.05, 1.05, 1.00, 0.95, 0.95)
_HOURS: Floats = np.array((*_ASIA, *_EUROPE, *_AMERICA))


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

    def holds(self, symbol: str, interval: Interval) -> bool:
        return interval is Interval.M1

    def candles(self, symbol: str, interval: Interval, window: Window) -> pa.Table:
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
        self.sigma = self.temper.volatility / np.sqrt(_YEAR_MINUTES)

    def key(self, *names: str) -> int:
        return stream_key(self.candles.seed, self.symbol, *names)

    def table(self) -> pa.Table:
        trading, before, published = self._trading()
        points = np.arange(min(int(before[0]) + 1, self.first), self.last + 1)
        ticks = self._ticks(points)
        shift = self.first - int(points[0])
        still = ticks[before + 1 - points[0]]
        close = np.where(trading, ticks[shift + 1 :], still)
        lots, trades = self._volume(trading, close)
        opening = ticks[shift:-1] + self._jitter()
        opening = np.where(trading, np.where(trades == 1, close, np.maximum(opening, 1)), still)
        high, low = self._extremes(opening, close, trades)
        return self._assemble(published, opening, high, low, close, lots, trades)

    def _trading(self) -> tuple[NDArray[np.bool_], Ints, NDArray[np.bool_]]:
        """Per minute: is there a trade; the last minute before it with one; is a row published."""
        minutes = np.arange(self.first - _LOOK_BACK, self.last)
        trading = uniform(self.key("quiet"), minutes) >= self.temper.quiet
        stretch = minutes // _STRETCH
        anchor = uniform(self.key("anchor"), np.arange(stretch[0], stretch[-1] + 1)) * _STRETCH
        trading |= minutes % _STRETCH == anchor.astype(np.int64)[stretch - stretch[0]]
        published = np.ones(len(minutes), bool)
        for silent, start, end in self.candles.outage_minutes(int(minutes[0]), self.last):
            trading[max(silent - minutes[0], 0) : max(end - minutes[0], 0)] = False
            published[max(start - minutes[0], 0) : max(end - minutes[0], 0)] = False
        latest = np.maximum.accumulate(np.where(trading, minutes, minutes[0]))
        return trading[_LOOK_BACK:], latest[_LOOK_BACK - 1 : -1], published[_LOOK_BACK:]

    def _pulse(self, minutes: Ints) -> Floats:
        """How lively the whole market is at a minute, about 1 in the mean."""
        day = minutes // _DAY_MINUTES
        days = np.arange(day[0], day[-1] + 1)
        mood: Floats = power_of_e(0.3 * normal(stream_key(self.candles.seed, "mood"), days))
        weekend = np.where((days + 3) % 7 >= 5, 0.75, 1.07)
        daily: Floats = (mood * weekend)[day - day[0]]
        hourly: Floats = _HOURS[minutes % _DAY_MINUTES // 60]
        return daily * hourly

    def _ticks(self, points: Ints) -> Ints:
        """The price at the beginning of each minute, in ticks."""
        keys = (stream_key(self.candles.seed, "market"), self.key("price"))
        walk = brownian(keys, self.temper.market_share, points, self._pulse)
        price = self.temper.price * 10**self.listing.tick_digits * power_of_e(self.sigma * walk)
        ticks: Ints = np.maximum(np.rint(price), 2).astype(np.int64)
        return ticks

    def _jitter(self) -> Ints:
        """The opening trade is often a tick off the one before."""
        return (uniform(self.key("jitter"), self.minutes) * 5).astype(np.int64) % 3 - 1

    def _extremes(self, opening: Ints, close: Ints, trades: Ints) -> tuple[Ints, Ints]:
        reach = 0.45 * self.sigma * self._pulse(self.minutes) * close * (trades > 1)
        up = np.abs(normal(self.key("high"), self.minutes)) * reach
        down = np.abs(normal(self.key("low"), self.minutes)) * reach
        high = np.maximum(opening, close) + up.astype(np.int64)
        low = np.minimum(opening, close) - down.astype(np.int64)
        return high, np.maximum(low, 1)

    def _volume(self, trading: NDArray[np.bool_], close: Ints) -> tuple[Ints, Ints]:
        """Lots and trades per minute; both 0 where nobody trades, else 1 or more."""
        temper, minutes = self.temper, self.minutes
        share = self._pulse(minutes) / (_DAY_MINUTES * (1 - temper.quiet))
        burst = power_of_e(0.7 * normal(self.key("volume"), minutes) - 0.25)
        size = power_of_e(0.4 * normal(self.key("size"), minutes) - 0.08)
        lots = temper.daily_volume * 10**self.listing.lot_digits * share * burst * size
        lots = np.maximum(lots, 1).astype(np.int64)
        trades = np.maximum(temper.daily_trades * share * burst, 1).astype(np.int64)
        return lots * trading, np.minimum(trades, lots) * trading

    def _assemble(
        self,
        published: NDArray[np.bool_],
        opening: Ints,
        high: Ints,
        low: Ints,
        close: Ints,
        lots: Ints,
        trades: Ints,
    ) -> pa.Table:
        ticks, lot = self.listing.tick_digits, self.listing.lot_digits
        spare = 10 ** max(ticks + lot - 8, 0)
        money = min(ticks + lot, 8)
        taker = (lots * (0.25 + 0.5 * uniform(self.key("taker"), self.minutes))).astype(np.int64)
        paid = opening + high + low + close
        open_time = self.minutes * MINUTE_MS
        columns = [
            pa.array(open_time),
            *(exact(values, ticks, PRICE) for values in (opening, high, low, close)),
            exact(lots, lot, VOLUME),
            pa.array(open_time + MINUTE_MS - 1),
            exact(paid * lots // (4 * spare), money, VOLUME),
            pa.array(trades),
            exact(taker, lot, VOLUME),
            exact(paid * taker // (4 * spare), money, VOLUME),
        ]
        table = pa.table(columns, schema=CANDLE_SCHEMA)
        return table if published.all() else table.filter(pa.array(published))


def exact(units: Ints, digits: int, kind: pa.DataType) -> pa.Array:
    """Non-negative integers of 10^-digits each as exact decimals of `kind`."""
    words = np.zeros((len(units), 2), np.int64)
    words[:, 0] = units
    small = pa.decimal128(19, digits)
    buffers = [None, pa.py_buffer(words)]
    return pa.Array.from_buffers(small, len(units), buffers).cast(kind)
