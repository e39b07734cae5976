"""What the simulated exchange has published at an instant: closed candles and the open one."""

from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.exchange.simulated.catalogue import Listing
from crypto_assets.exchange.simulated.forming import forming
from crypto_assets.exchange.simulated.source import CandleSource
from crypto_assets.market.candles import (
    CANDLE_COLUMNS,
    CANDLE_SCHEMA,
    candles_from_table,
)
from crypto_assets.market.clock import DAY_MS, HOUR_MS, Window
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import roll_up

# Hours are rolled up and kept by blocks of so many days.
_BLOCK_MS = 14 * DAY_MS
_KEPT_BLOCKS = 512


class PublishedCandles:
    """Candles of every interval as they stand at `now` (epoch ms by the exchange's clock)."""

    def __init__(self, source: CandleSource) -> None:
        self.source = source
        self._block = lru_cache(maxsize=_KEPT_BLOCKS)(self._hours_of_block)

    def klines(
        self,
        symbol: str,
        interval: Interval,
        now: int,
        start: int | None = None,
        end: int | None = None,
        limit: int = 500,
    ) -> pa.Table:
        """CANDLE_SCHEMA, ascending, both bounds inclusive on open time.

        The first `limit` candles from `start`, or the newest `limit` where there is none. The
        candle that is open at `now` is the newest.
        """
        span = self.source.span(symbol)
        first = interval.floor(span.start_ms)
        last = min(now, span.end_ms - 1, *(() if end is None else (end,)))
        if start is None:
            return self._newest(symbol, interval, first, last, now, limit)
        return self._oldest(symbol, interval, max(start, first), last, now, limit)

    def _oldest(
        self, symbol: str, interval: Interval, first: int, last: int, now: int, limit: int
    ) -> pa.Table:
        found = CANDLE_SCHEMA.empty_table()
        reach = limit * interval.ms
        while first <= last and found.num_rows < limit:
            stop = min(last, first + reach - 1)
            more = self.between(symbol, interval, first, stop, now)
            found = pa.concat_tables([found, more])
            first, reach = stop + 1, reach * 2
        return found.slice(0, limit)

    def _newest(
        self, symbol: str, interval: Interval, first: int, last: int, now: int, limit: int
    ) -> pa.Table:
        found = CANDLE_SCHEMA.empty_table()
        reach = limit * interval.ms
        while first <= last and found.num_rows < limit:
            begin = max(first, last - reach + 1)
            more = self.between(symbol, interval, begin, last, now)
            found = pa.concat_tables([more, found])
            last, reach = begin - 1, reach * 2
        return found.slice(max(found.num_rows - limit, 0))

    def between(self, symbol: str, interval: Interval, first: int, last: int, now: int) -> pa.Table:
        """Candles with first ≤ open time ≤ last, as they stand at `now`."""
        if self.source.holds(symbol, interval):
            return self._given(symbol, interval, Window(first, last + 1), now)
        if not self.source.holds(symbol, Interval.M1):
            return CANDLE_SCHEMA.empty_table()
        begin = interval.floor(first + interval.ms - 1)
        return self._built(symbol, interval, Window(begin, interval.floor(last) + interval.ms), now)

    def _given(self, symbol: str, interval: Interval, window: Window, now: int) -> pa.Table:
        candles = self.source.candles(symbol, interval, window & Window(0, now + 1))
        return _as_seen(candles, self.source.symbols[symbol], now)

    def _built(self, symbol: str, interval: Interval, window: Window, now: int) -> pa.Table:
        if not window:
            return CANDLE_SCHEMA.empty_table()
        if interval.ms < HOUR_MS:
            parts = self._given(symbol, Interval.M1, window, now)
        else:
            parts = self._hours(symbol, window, now)
        return parts if interval is Interval.H1 else _rolled(parts, interval)

    def _hours(self, symbol: str, window: Window, now: int) -> pa.Table:
        tables = [CANDLE_SCHEMA.empty_table()]
        window &= Window(0, now + 1)
        for begin in range(window.start_ms // _BLOCK_MS, -(-window.end_ms // _BLOCK_MS)):
            block = Window(begin * _BLOCK_MS, (begin + 1) * _BLOCK_MS)
            if block.end_ms <= now:
                tables.append(self._block(symbol, begin))
            else:
                minutes = self._given(symbol, Interval.M1, block & window, now)
                tables.append(_rolled(minutes, Interval.H1))
        hours = pa.concat_tables(tables)
        opens = hours["open_time"]
        inside = pc.and_(pc.greater_equal(opens, window.start_ms), pc.less(opens, window.end_ms))
        return hours.filter(inside)

    def _hours_of_block(self, symbol: str, index: int) -> pa.Table:
        block = Window(index * _BLOCK_MS, (index + 1) * _BLOCK_MS)
        return _rolled(self.source.candles(symbol, Interval.M1, block), Interval.H1)


def _rolled(parts: pa.Table, interval: Interval) -> pa.Table:
    return roll_up(parts, interval).select(CANDLE_COLUMNS)


def _as_seen(candles: pa.Table, listing: Listing, now: int) -> pa.Table:
    """Final candles that opened at `now` or before, the one still open as far as it has come."""
    count = candles.num_rows
    if not count or candles["close_time"][count - 1].as_py() < now:
        return candles
    [last] = candles_from_table(candles.slice(count - 1))
    row = vars(forming(last, listing, now))
    return pa.concat_tables(
        [candles.slice(0, count - 1), pa.Table.from_pylist([row], CANDLE_SCHEMA)]
    )
