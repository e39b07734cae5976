"""What the simulated exchange has published at an instant: closed candles and the open one."""

from collections.abc import Callable
from functools import lru_cache, partial

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.exchange.simulated.catalogue import Listing
from crypto_assets.exchange.simulated.forming import forming
from crypto_assets.exchange.simulated.reading import Reading, Rules, final_candles, span
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

Read = Callable[[int, int], pa.Table]


class PublishedCandles:
    """Candles of every interval as a reading of the market shows them."""

    def __init__(self, source: CandleSource) -> None:
        self.source = source
        self._block = lru_cache(maxsize=_KEPT_BLOCKS)(self._hours_of_block)

    def klines(
        self,
        symbol: str,
        interval: Interval,
        reading: Reading,
        start: int | None = None,
        end: int | None = None,
        limit: int = 500,
    ) -> pa.Table:
        """CANDLE_SCHEMA, ascending, both bounds inclusive on open time.

        The first `limit` candles from `start`, or the newest `limit` where there is none. The
        candle that is open at the reading's instant is the newest.
        """
        life = span(self.source, symbol, reading.edition)
        first = interval.floor(life.start_ms)
        last = min(reading.now, life.end_ms - 1, *(() if end is None else (end,)))
        read = partial(self.between, symbol, interval, reading)
        if start is None:
            return _newest(read, first, last, limit, interval.ms)
        return _oldest(read, max(start, first), last, limit, interval.ms)

    def between(
        self, symbol: str, interval: Interval, reading: Reading, first: int, last: int
    ) -> pa.Table:
        """Candles with first ≤ open time ≤ last."""
        if self.source.holds(symbol, interval):
            return self._given(symbol, interval, reading, Window(first, last + 1))
        if not self.source.holds(symbol, Interval.M1):
            return CANDLE_SCHEMA.empty_table()
        begin = interval.floor(first + interval.ms - 1)
        window = Window(begin, interval.floor(last) + interval.ms)
        return self._built(symbol, interval, reading, window)

    def _given(self, symbol: str, interval: Interval, reading: Reading, window: Window) -> pa.Table:
        edition = reading.edition
        window &= Window(0, reading.now + 1)
        candles = final_candles(self.source, symbol, interval, window, edition)
        return _as_seen(candles, self.source.symbols[symbol], reading.now)

    def _built(self, symbol: str, interval: Interval, reading: Reading, window: Window) -> pa.Table:
        if not window:
            return CANDLE_SCHEMA.empty_table()
        if interval.ms < HOUR_MS:
            parts = self._given(symbol, Interval.M1, reading, window)
        else:
            parts = self._hours(symbol, reading, window)
        return parts if interval is Interval.H1 else _rolled(parts, interval)

    def _hours(self, symbol: str, reading: Reading, window: Window) -> pa.Table:
        tables = [CANDLE_SCHEMA.empty_table()]
        window &= Window(0, reading.now + 1)
        for index in range(window.start_ms // _BLOCK_MS, -(-window.end_ms // _BLOCK_MS)):
            block = _block_window(index)
            if block.end_ms <= reading.now:
                tables.append(self._block(symbol, index, reading.edition))
            else:
                minutes = self._given(symbol, Interval.M1, reading, block & window)
                tables.append(_rolled(minutes, Interval.H1))
        hours = pa.concat_tables(tables)
        opens = hours["open_time"]
        after, before = pc.greater_equal(opens, window.start_ms), pc.less(opens, window.end_ms)
        return hours.filter(pc.and_(after, before))

    def _hours_of_block(self, symbol: str, index: int, edition: Rules) -> pa.Table:
        block = _block_window(index)
        minutes = final_candles(self.source, symbol, Interval.M1, block, edition)
        return _rolled(minutes, Interval.H1)


def _oldest(read: Read, first: int, last: int, limit: int, width: int) -> pa.Table:
    """The first `limit` candles; over holes the reach grows, so that a page is always full."""
    found = CANDLE_SCHEMA.empty_table()
    reach = limit * width
    while first <= last and found.num_rows < limit:
        stop = min(last, first + reach - 1)
        found = pa.concat_tables([found, read(first, stop)])
        first, reach = stop + 1, reach * 2
    return found.slice(0, limit)


def _newest(read: Read, first: int, last: int, limit: int, width: int) -> pa.Table:
    found = CANDLE_SCHEMA.empty_table()
    reach = limit * width
    while first <= last and found.num_rows < limit:
        begin = max(first, last - reach + 1)
        found = pa.concat_tables([read(begin, last), found])
        last, reach = begin - 1, reach * 2
    return found.slice(max(found.num_rows - limit, 0))


def _block_window(index: int) -> Window:
    return Window(index * _BLOCK_MS, (index + 1) * _BLOCK_MS)


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
