"""What the simulated exchange has published at an instant: closed candles and the open one."""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.exchange.simulated.candle_source import PARTS, CandleSource, base_interval
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.exchange.simulated.market_snapshot import Reading, Rules, final_candles, lifetime
from crypto_assets.exchange.simulated.open_candle import forming
from crypto_assets.exchange.simulated.symbol_catalog import Listing
from crypto_assets.exchange.simulated.trades import Trades, trades_of
from crypto_assets.market.candles import (
    CANDLE_COLUMNS,
    CANDLE_SCHEMA,
    candles_from_table,
)
from crypto_assets.market.rollup import roll_up_periods
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window

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
        interval: KlineInterval,
        reading: Reading,
        start: int | None = None,
        end: int | None = None,
        limit: int = 500,
        zone: int = 0,
    ) -> pa.Table:
        """CANDLE_SCHEMA, ascending, both bounds inclusive on open time.

        The first `limit` candles from `start`, or the newest `limit` where there is none. The
        candle that is open at the reading's instant is the newest. `zone` is the distance in ms
        from UTC of the clock by which periods begin; the bounds are UTC.
        """
        given = self._gives(symbol, interval, zone)
        opens = self._opens(symbol, interval if given else self.base(symbol), reading)
        first = opens.start_ms if given else interval.floor(opens.start_ms, zone)
        last = min(reading.now, opens.end_ms - 1, *(() if end is None else (end,)))
        read = partial(self.between, symbol, interval, reading, zone=zone)
        if start is None:
            return _newest(read, first, last, limit, interval.ms)
        return _oldest(read, max(start, first), last, limit, interval.ms)

    def between(
        self,
        symbol: str,
        interval: KlineInterval,
        reading: Reading,
        first: int,
        last: int,
        zone: int = 0,
    ) -> pa.Table:
        """Candles with first ≤ open time ≤ last."""
        if self._gives(symbol, interval, zone):
            return self._given(symbol, interval, reading, Window(first, last + 1))
        base = self.base(symbol)
        if base not in PARTS or interval.ms <= base.ms:
            return CANDLE_SCHEMA.empty_table()
        window = Window(interval.ceil(first, zone), interval.following(last, zone))
        return self._built(symbol, interval, reading, window, zone)

    def base(self, symbol: str) -> KlineInterval:
        """Return the interval that trades, tickers and larger candles are made of."""
        return base_interval(self.source, symbol)

    def opens(self, symbol: str, interval: KlineInterval) -> Window:
        """From the first open time to the last of which candles of an interval are made.

        Empty where candles of the interval are neither given nor built.
        """
        if self.source.holds(symbol, interval):
            return self.source.opens(symbol, interval)
        base = self.base(symbol)
        builds = base in PARTS and interval.ms > base.ms
        return self.source.opens(symbol, base) if builds else Window(0, 0)

    def trades_back(
        self, symbol: str, reading: Reading, until: int | None = None
    ) -> Iterator[Trades]:
        """Yield the trades up to now, or to `until` (epoch ms, inclusive), by candle.

        The newest candle's come first, ascending within a candle.
        """
        base = self.base(symbol)
        opens = self._opens(symbol, base, reading)
        end = reading.now if until is None else min(until + 1, reading.now)
        last, chunk = min(end, opens.end_ms - 1), 2
        read = partial(self._final, symbol, base, reading)
        while (found := _newest(read, opens.start_ms, last, chunk, base.ms)).num_rows:
            yield from reversed(list(self._trades(symbol, found, end)))
            last, chunk = found["open_time"][0].as_py() - 1, min(chunk * 2, 256)

    def trades_from(self, symbol: str, reading: Reading, start: int) -> Iterator[Trades]:
        """Yield the trades from `start` (epoch ms) up to now, ascending, candle by candle."""
        base = self.base(symbol)
        opens = self._opens(symbol, base, reading)
        last, chunk = min(reading.now, opens.end_ms - 1), 2
        read = partial(self._final, symbol, base, reading)
        begin = max(opens.start_ms, start - base.ms + 1)
        while (found := _oldest(read, begin, last, chunk, base.ms)).num_rows:
            for trades in self._trades(symbol, found, reading.now):
                yield trades.select(trades.times >= start)
            begin, chunk = found["open_time"][-1].as_py() + 1, min(chunk * 2, 256)

    def _trades(self, symbol: str, finals: pa.Table, end: int) -> Iterator[Trades]:
        listing, width = self.source.symbols[symbol], self.base(symbol).ms
        for candle in candles_from_table(finals):
            trades = trades_of(candle, listing, width)
            if trades is not None:
                yield trades.seen(end)

    def _gives(self, symbol: str, interval: KlineInterval, zone: int) -> bool:
        """Whether the source's own candles are served: held, and cut as the zone cuts them."""
        return self.source.holds(symbol, interval) and interval.is_same_grid(zone)

    def _opens(self, symbol: str, interval: KlineInterval, reading: Reading) -> Window:
        return lifetime(self.source.opens(symbol, interval), reading.edition)

    def _final(
        self, symbol: str, interval: KlineInterval, reading: Reading, first: int, last: int
    ) -> pa.Table:
        """Final candles with first ≤ open time ≤ last that have opened, the open one included."""
        window = Window(first, last + 1) & Window(0, reading.now + 1)
        return final_candles(self.source, symbol, interval, window, reading.edition)

    def _given(
        self, symbol: str, interval: KlineInterval, reading: Reading, window: Window
    ) -> pa.Table:
        candles = self._final(symbol, interval, reading, window.start_ms, window.end_ms - 1)
        return _as_seen(candles, self.source.symbols[symbol], reading.now, interval.ms)

    def _built(
        self, symbol: str, interval: KlineInterval, reading: Reading, window: Window, zone: int
    ) -> pa.Table:
        if not window:
            return CANDLE_SCHEMA.empty_table()
        if interval.ms < HOUR_MS or zone % HOUR_MS:
            return _rolled(self._given(symbol, self.base(symbol), reading, window), interval, zone)
        hours = self._hours(symbol, reading, window)
        return hours if interval is KlineInterval.H1 else _rolled(hours, interval, zone)

    def _hours(self, symbol: str, reading: Reading, window: Window) -> pa.Table:
        tables = [CANDLE_SCHEMA.empty_table()]
        window &= Window(0, reading.now + 1)
        for index in range(window.start_ms // _BLOCK_MS, -(-window.end_ms // _BLOCK_MS)):
            block = _block_window(index)
            if block.end_ms <= reading.now:
                tables.append(self._block(symbol, index, reading.edition))
            else:
                parts = self._given(symbol, self.base(symbol), reading, block & window)
                tables.append(_rolled(parts, KlineInterval.H1))
        hours = pa.concat_tables(tables)
        opens = hours["open_time"]
        after, before = pc.greater_equal(opens, window.start_ms), pc.less(opens, window.end_ms)
        return hours.filter(pc.and_(after, before))

    def _hours_of_block(self, symbol: str, index: int, edition: Rules) -> pa.Table:
        block = _block_window(index)
        parts = final_candles(self.source, symbol, self.base(symbol), block, edition)
        return _rolled(parts, KlineInterval.H1)


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


def _rolled(parts: pa.Table, interval: KlineInterval, zone: int = 0) -> pa.Table:
    rolled = roll_up_periods(
        parts,
        lambda opens: pa.chunked_array([interval.open_times(opens.to_numpy(), zone)]),
        lambda opens: pa.chunked_array([interval.close_times(opens.to_numpy(), zone)]),
    )
    return rolled.select(CANDLE_COLUMNS)


def _as_seen(candles: pa.Table, listing: Listing, now: int, longest: int) -> pa.Table:
    """Final candles that opened at `now` or before, the one still open as far as it has come."""
    count = candles.num_rows
    if not count or candles["close_time"][count - 1].as_py() < now:
        return candles
    [last] = candles_from_table(candles.slice(count - 1))
    row = vars(forming(last, listing, now, longest))
    return pa.concat_tables(
        [candles.slice(0, count - 1), pa.Table.from_pylist([row], CANDLE_SCHEMA)]
    )
