"""What the simulated exchange has published at an instant: closed candles and the open one."""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.exchange.simulated.candle_source import (
    BASE_INTERVALS,
    CandleSource,
    find_base_interval,
)
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.exchange.simulated.market_snapshot import (
    MarketRules,
    MarketSnapshot,
    clip_to_listings,
    select_final_candles,
)
from crypto_assets.exchange.simulated.open_candle import build_open_candle
from crypto_assets.exchange.simulated.symbol_catalog import ListedSymbol
from crypto_assets.exchange.simulated.trades import CandleTrades, generate_trades
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

CandleReader = Callable[[int, int], pa.Table]


class PublishedCandles:
    """Candles of every interval as a reading of the market shows them."""

    def __init__(self, source: CandleSource) -> None:
        self.source = source
        self._get_cached_block = lru_cache(maxsize=_KEPT_BLOCKS)(self._roll_up_block)

    def get_klines(
        self,
        symbol: str,
        interval: KlineInterval,
        reading: MarketSnapshot,
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
        given = self._serves_directly(symbol, interval, zone)
        opens = self._get_listed_window(
            symbol, interval if given else self.get_base_interval(symbol), reading
        )
        first = opens.start_ms if given else interval.floor(opens.start_ms, zone)
        last = min(reading.now, opens.end_ms - 1, *(() if end is None else (end,)))
        read = partial(self.select_between, symbol, interval, reading, zone=zone)
        if start is None:
            return _read_newest(read, first, last, limit, interval.ms)
        return _read_oldest(read, max(start, first), last, limit, interval.ms)

    def select_between(
        self,
        symbol: str,
        interval: KlineInterval,
        reading: MarketSnapshot,
        first: int,
        last: int,
        zone: int = 0,
    ) -> pa.Table:
        """Candles with first ≤ open time ≤ last."""
        if self._serves_directly(symbol, interval, zone):
            return self._select_seen(symbol, interval, reading, Window(first, last + 1))
        base = self.get_base_interval(symbol)
        if base not in BASE_INTERVALS or interval.ms <= base.ms:
            return CANDLE_SCHEMA.empty_table()
        window = Window(interval.ceil(first, zone), interval.next_open(last, zone))
        return self._build_candles(symbol, interval, reading, window, zone)

    def get_base_interval(self, symbol: str) -> KlineInterval:
        """Return the interval that trades, tickers and larger candles are made of."""
        return find_base_interval(self.source, symbol)

    def get_open_window(self, symbol: str, interval: KlineInterval) -> Window:
        """From the first open time to the last of which candles of an interval are made.

        Empty where candles of the interval are neither given nor built.
        """
        if self.source.has_interval(symbol, interval):
            return self.source.get_open_window(symbol, interval)
        base = self.get_base_interval(symbol)
        builds = base in BASE_INTERVALS and interval.ms > base.ms
        return self.source.get_open_window(symbol, base) if builds else Window(0, 0)

    def iterate_trades_back(
        self, symbol: str, reading: MarketSnapshot, until: int | None = None
    ) -> Iterator[CandleTrades]:
        """Yield the trades up to now, or to `until` (epoch ms, inclusive), by candle.

        The newest candle's come first, ascending within a candle.
        """
        base = self.get_base_interval(symbol)
        opens = self._get_listed_window(symbol, base, reading)
        end = reading.now if until is None else min(until + 1, reading.now)
        last, chunk = min(end, opens.end_ms - 1), 2
        read = partial(self._select_final, symbol, base, reading)
        while (found := _read_newest(read, opens.start_ms, last, chunk, base.ms)).num_rows:
            yield from reversed(list(self._iterate_candle_trades(symbol, found, end)))
            last, chunk = found["open_time"][0].as_py() - 1, min(chunk * 2, 256)

    def iterate_trades_from(
        self, symbol: str, reading: MarketSnapshot, start: int
    ) -> Iterator[CandleTrades]:
        """Yield the trades from `start` (epoch ms) up to now, ascending, candle by candle."""
        base = self.get_base_interval(symbol)
        opens = self._get_listed_window(symbol, base, reading)
        last, chunk = min(reading.now, opens.end_ms - 1), 2
        read = partial(self._select_final, symbol, base, reading)
        begin = max(opens.start_ms, start - base.ms + 1)
        while (found := _read_oldest(read, begin, last, chunk, base.ms)).num_rows:
            for trades in self._iterate_candle_trades(symbol, found, reading.now):
                yield trades.select(trades.times >= start)
            begin, chunk = found["open_time"][-1].as_py() + 1, min(chunk * 2, 256)

    def _iterate_candle_trades(
        self, symbol: str, finals: pa.Table, end: int
    ) -> Iterator[CandleTrades]:
        listing, width = self.source.symbols[symbol], self.get_base_interval(symbol).ms
        for candle in candles_from_table(finals):
            trades = generate_trades(candle, listing, width)
            if trades is not None:
                yield trades.select_before(end)

    def _serves_directly(self, symbol: str, interval: KlineInterval, zone: int) -> bool:
        """Whether the source's own candles are served: held, and cut as the zone cuts them."""
        return self.source.has_interval(symbol, interval) and interval.is_same_grid(zone)

    def _get_listed_window(
        self, symbol: str, interval: KlineInterval, reading: MarketSnapshot
    ) -> Window:
        return clip_to_listings(self.source.get_open_window(symbol, interval), reading.rules)

    def _select_final(
        self, symbol: str, interval: KlineInterval, reading: MarketSnapshot, first: int, last: int
    ) -> pa.Table:
        """Final candles with first ≤ open time ≤ last that have opened, the open one included."""
        window = Window(first, last + 1) & Window(0, reading.now + 1)
        return select_final_candles(self.source, symbol, interval, window, reading.rules)

    def _select_seen(
        self, symbol: str, interval: KlineInterval, reading: MarketSnapshot, window: Window
    ) -> pa.Table:
        candles = self._select_final(symbol, interval, reading, window.start_ms, window.end_ms - 1)
        return _cut_open_candle(candles, self.source.symbols[symbol], reading.now, interval.ms)

    def _build_candles(
        self,
        symbol: str,
        interval: KlineInterval,
        reading: MarketSnapshot,
        window: Window,
        zone: int,
    ) -> pa.Table:
        if not window:
            return CANDLE_SCHEMA.empty_table()
        if interval.ms < HOUR_MS or zone % HOUR_MS:
            return _roll_up_candles(
                self._select_seen(symbol, self.get_base_interval(symbol), reading, window),
                interval,
                zone,
            )
        hours = self._build_hours(symbol, reading, window)
        return hours if interval is KlineInterval.H1 else _roll_up_candles(hours, interval, zone)

    def _build_hours(self, symbol: str, reading: MarketSnapshot, window: Window) -> pa.Table:
        tables = [CANDLE_SCHEMA.empty_table()]
        window &= Window(0, reading.now + 1)
        for index in range(window.start_ms // _BLOCK_MS, -(-window.end_ms // _BLOCK_MS)):
            block = _block_window(index)
            if block.end_ms <= reading.now:
                tables.append(self._get_cached_block(symbol, index, reading.rules))
            else:
                parts = self._select_seen(
                    symbol, self.get_base_interval(symbol), reading, block & window
                )
                tables.append(_roll_up_candles(parts, KlineInterval.H1))
        hours = pa.concat_tables(tables)
        opens = hours["open_time"]
        after, before = pc.greater_equal(opens, window.start_ms), pc.less(opens, window.end_ms)
        return hours.filter(pc.and_(after, before))

    def _roll_up_block(self, symbol: str, index: int, edition: MarketRules) -> pa.Table:
        block = _block_window(index)
        parts = select_final_candles(
            self.source, symbol, self.get_base_interval(symbol), block, edition
        )
        return _roll_up_candles(parts, KlineInterval.H1)


def _read_oldest(read: CandleReader, first: int, last: int, limit: int, width: int) -> pa.Table:
    """The first `limit` candles; over holes the reach grows, so that a page is always full."""
    found = CANDLE_SCHEMA.empty_table()
    reach = limit * width
    while first <= last and found.num_rows < limit:
        stop = min(last, first + reach - 1)
        found = pa.concat_tables([found, read(first, stop)])
        first, reach = stop + 1, reach * 2
    return found.slice(0, limit)


def _read_newest(read: CandleReader, first: int, last: int, limit: int, width: int) -> pa.Table:
    found = CANDLE_SCHEMA.empty_table()
    reach = limit * width
    while first <= last and found.num_rows < limit:
        begin = max(first, last - reach + 1)
        found = pa.concat_tables([read(begin, last), found])
        last, reach = begin - 1, reach * 2
    return found.slice(max(found.num_rows - limit, 0))


def _block_window(index: int) -> Window:
    return Window(index * _BLOCK_MS, (index + 1) * _BLOCK_MS)


def _roll_up_candles(parts: pa.Table, interval: KlineInterval, zone: int = 0) -> pa.Table:
    rolled = roll_up_periods(
        parts,
        lambda opens: pa.chunked_array([interval.open_times(opens.to_numpy(), zone)]),
        lambda opens: pa.chunked_array([interval.close_times(opens.to_numpy(), zone)]),
    )
    return rolled.select(CANDLE_COLUMNS)


def _cut_open_candle(candles: pa.Table, listing: ListedSymbol, now: int, longest: int) -> pa.Table:
    """Final candles that opened at `now` or before, the one still open as far as it has come."""
    count = candles.num_rows
    if not count or candles["close_time"][count - 1].as_py() < now:
        return candles
    [last] = candles_from_table(candles.slice(count - 1))
    row = vars(build_open_candle(last, listing, now, longest))
    return pa.concat_tables(
        [candles.slice(0, count - 1), pa.Table.from_pylist([row], CANDLE_SCHEMA)]
    )
