"""The candles that the simulated exchange has published at a time, the open one included."""

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
from crypto_assets.exchange.simulated.symbol_catalog import ListedSymbol
from crypto_assets.exchange.simulated.trades import CandleTrades, build_open_candle, generate_trades
from crypto_assets.market.candles import (
    CANDLE_COLUMNS,
    CANDLE_SCHEMA,
    candles_from_table,
)
from crypto_assets.market.rollup import roll_up_periods
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window

# Hours are rolled up and cached in blocks of this width.
_BLOCK_MS = 14 * DAY_MS
_KEPT_BLOCKS = 512

CandleReader = Callable[[int, int], pa.Table]


class PublishedCandles:
    """Candles of every interval as of a snapshot of the market."""

    def __init__(self, source: CandleSource) -> None:
        self.source = source
        self._get_cached_block = lru_cache(maxsize=_KEPT_BLOCKS)(self._roll_up_block)

    def get_klines(
        self,
        symbol: str,
        interval: KlineInterval,
        snapshot: MarketSnapshot,
        start: int | None = None,
        end: int | None = None,
        limit: int = 500,
        zone: int = 0,
    ) -> pa.Table:
        """Return candles of CANDLE_SCHEMA, ascending; both bounds are inclusive open times.

        Returns the first `limit` candles from `start`, or the newest `limit` without it. The
        candle open at the snapshot's time is included. Periods begin by the clock of a time zone
        `zone` ms from UTC; the bounds are UTC.
        """
        is_direct = self._serves_directly(symbol, interval, zone)
        opens = self._get_listed_window(
            symbol, interval if is_direct else self.get_base_interval(symbol), snapshot
        )
        first = opens.start_ms if is_direct else interval.floor(opens.start_ms, zone)
        last = min(snapshot.now, opens.end_ms - 1, *(() if end is None else (end,)))
        read = partial(self.select_between, symbol, interval, snapshot, zone=zone)
        if start is None:
            return _read_newest(read, first, last, limit, interval.ms)
        return _read_oldest(read, max(start, first), last, limit, interval.ms)

    def select_between(
        self,
        symbol: str,
        interval: KlineInterval,
        snapshot: MarketSnapshot,
        first: int,
        last: int,
        zone: int = 0,
    ) -> pa.Table:
        """Return candles with first ≤ open time ≤ last."""
        if self._serves_directly(symbol, interval, zone):
            return self._select_visible(symbol, interval, snapshot, Window(first, last + 1))
        base = self.get_base_interval(symbol)
        if base not in BASE_INTERVALS or interval.ms <= base.ms:
            return CANDLE_SCHEMA.empty_table()
        window = Window(interval.ceil(first, zone), interval.next_open(last, zone))
        return self._build_candles(symbol, interval, snapshot, window, zone)

    def get_base_interval(self, symbol: str) -> KlineInterval:
        """Return the interval from which trades, tickers and larger candles are built."""
        return find_base_interval(self.source, symbol)

    def get_open_window(self, symbol: str, interval: KlineInterval) -> Window:
        """Return the open times of the candles from which an interval is served.

        Empty where the interval is neither stored nor built.
        """
        if self.source.has_interval(symbol, interval):
            return self.source.get_open_window(symbol, interval)
        base = self.get_base_interval(symbol)
        builds = base in BASE_INTERVALS and interval.ms > base.ms
        return self.source.get_open_window(symbol, base) if builds else Window(0, 0)

    def iterate_trades_back(
        self, symbol: str, snapshot: MarketSnapshot, until: int | None = None
    ) -> Iterator[CandleTrades]:
        """Yield the trades up to now, or to `until` (epoch ms, inclusive), candle by candle.

        The newest candle comes first; trades ascend within a candle.
        """
        base = self.get_base_interval(symbol)
        opens = self._get_listed_window(symbol, base, snapshot)
        end = snapshot.now if until is None else min(until + 1, snapshot.now)
        last, chunk = min(end, opens.end_ms - 1), 2
        read = partial(self._select_final, symbol, base, snapshot)
        while (candles := _read_newest(read, opens.start_ms, last, chunk, base.ms)).num_rows:
            yield from reversed(list(self._iterate_candle_trades(symbol, candles, end)))
            last, chunk = candles["open_time"][0].as_py() - 1, min(chunk * 2, 256)

    def iterate_trades_from(
        self, symbol: str, snapshot: MarketSnapshot, start: int
    ) -> Iterator[CandleTrades]:
        """Yield the trades from `start` (epoch ms) up to now, ascending, candle by candle."""
        base = self.get_base_interval(symbol)
        opens = self._get_listed_window(symbol, base, snapshot)
        last, chunk = min(snapshot.now, opens.end_ms - 1), 2
        read = partial(self._select_final, symbol, base, snapshot)
        begin = max(opens.start_ms, start - base.ms + 1)
        while (candles := _read_oldest(read, begin, last, chunk, base.ms)).num_rows:
            for trades in self._iterate_candle_trades(symbol, candles, snapshot.now):
                yield trades.select(trades.times >= start)
            begin, chunk = candles["open_time"][-1].as_py() + 1, min(chunk * 2, 256)

    def _iterate_candle_trades(
        self, symbol: str, finals: pa.Table, end: int
    ) -> Iterator[CandleTrades]:
        listing, width = self.source.symbols[symbol], self.get_base_interval(symbol).ms
        for candle in candles_from_table(finals):
            trades = generate_trades(candle, listing, width)
            if trades is not None:
                yield trades.select_before(end)

    def _serves_directly(self, symbol: str, interval: KlineInterval, zone: int) -> bool:
        """Return whether the source has the interval, on the grid of this time zone."""
        return self.source.has_interval(symbol, interval) and interval.is_same_grid(zone)

    def _get_listed_window(
        self, symbol: str, interval: KlineInterval, snapshot: MarketSnapshot
    ) -> Window:
        return clip_to_listings(self.source.get_open_window(symbol, interval), snapshot.rules)

    def _select_final(
        self, symbol: str, interval: KlineInterval, snapshot: MarketSnapshot, first: int, last: int
    ) -> pa.Table:
        """Return final candles with first ≤ open time ≤ last that have opened by now."""
        window = Window(first, last + 1) & Window(0, snapshot.now + 1)
        return select_final_candles(self.source, symbol, interval, window, snapshot.rules)

    def _select_visible(
        self, symbol: str, interval: KlineInterval, snapshot: MarketSnapshot, window: Window
    ) -> pa.Table:
        candles = self._select_final(symbol, interval, snapshot, window.start_ms, window.end_ms - 1)
        return _cut_open_candle(candles, self.source.symbols[symbol], snapshot.now, interval.ms)

    def _build_candles(
        self,
        symbol: str,
        interval: KlineInterval,
        snapshot: MarketSnapshot,
        window: Window,
        zone: int,
    ) -> pa.Table:
        if not window:
            return CANDLE_SCHEMA.empty_table()
        if interval.ms < HOUR_MS or zone % HOUR_MS:
            return _roll_up_candles(
                self._select_visible(symbol, self.get_base_interval(symbol), snapshot, window),
                interval,
                zone,
            )
        hours = self._build_hours(symbol, snapshot, window)
        return hours if interval is KlineInterval.H1 else _roll_up_candles(hours, interval, zone)

    def _build_hours(self, symbol: str, snapshot: MarketSnapshot, window: Window) -> pa.Table:
        tables = [CANDLE_SCHEMA.empty_table()]
        window &= Window(0, snapshot.now + 1)
        for index in range(window.start_ms // _BLOCK_MS, -(-window.end_ms // _BLOCK_MS)):
            block = _block_window(index)
            if block.end_ms <= snapshot.now:
                tables.append(self._get_cached_block(symbol, index, snapshot.rules))
            else:
                parts = self._select_visible(
                    symbol, self.get_base_interval(symbol), snapshot, block & window
                )
                tables.append(_roll_up_candles(parts, KlineInterval.H1))
        hours = pa.concat_tables(tables)
        opens = hours["open_time"]
        after, before = pc.greater_equal(opens, window.start_ms), pc.less(opens, window.end_ms)
        return hours.filter(pc.and_(after, before))

    def _roll_up_block(self, symbol: str, index: int, rules: MarketRules) -> pa.Table:
        block = _block_window(index)
        parts = select_final_candles(
            self.source, symbol, self.get_base_interval(symbol), block, rules
        )
        return _roll_up_candles(parts, KlineInterval.H1)


def _read_oldest(read: CandleReader, first: int, last: int, limit: int, width: int) -> pa.Table:
    """Return the first `limit` candles. The range doubles over holes, so that a page is full."""
    candles = CANDLE_SCHEMA.empty_table()
    span = limit * width
    while first <= last and candles.num_rows < limit:
        stop = min(last, first + span - 1)
        candles = pa.concat_tables([candles, read(first, stop)])
        first, span = stop + 1, span * 2
    return candles.slice(0, limit)


def _read_newest(read: CandleReader, first: int, last: int, limit: int, width: int) -> pa.Table:
    candles = CANDLE_SCHEMA.empty_table()
    span = limit * width
    while first <= last and candles.num_rows < limit:
        begin = max(first, last - span + 1)
        candles = pa.concat_tables([read(begin, last), candles])
        last, span = begin - 1, span * 2
    return candles.slice(max(candles.num_rows - limit, 0))


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
    """Replace a final candle that is still open at `now` by its state at that time."""
    count = candles.num_rows
    if not count or candles["close_time"][count - 1].as_py() < now:
        return candles
    [last] = candles_from_table(candles.slice(count - 1))
    row = vars(build_open_candle(last, listing, now, longest))
    return pa.concat_tables(
        [candles.slice(0, count - 1), pa.Table.from_pylist([row], CANDLE_SCHEMA)]
    )
