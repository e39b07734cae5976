"""The simulated exchange without its HTTP: symbols, clock, candles, book and archive."""

from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pyarrow as pa

from crypto_assets.exchange.simulated.archive_period import ArchiveKey, ArchiveKind
from crypto_assets.exchange.simulated.candle_archive import CandleArchive
from crypto_assets.exchange.simulated.candle_source import CandleSource
from crypto_assets.exchange.simulated.clock import SimulatedClock
from crypto_assets.exchange.simulated.faults.file_flaws import ArchiveRules
from crypto_assets.exchange.simulated.faults.rules import CandleChannel, RequestTarget
from crypto_assets.exchange.simulated.faults.script import FaultScript
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.exchange.simulated.market_snapshot import (
    MarketSnapshot,
    find_trading_window,
    select_active_rules,
)
from crypto_assets.exchange.simulated.order_book import (
    BOOK_STEP_MS,
    SimulatedBook,
    compute_update_id,
    generate_book,
)
from crypto_assets.exchange.simulated.published_candles import PublishedCandles
from crypto_assets.exchange.simulated.symbol_catalog import ListedSymbol
from crypto_assets.exchange.simulated.trades import CandleTrades
from crypto_assets.exchange.simulated.weight_meter import WeightMeter
from crypto_assets.market.intervals import Interval
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.market.utc_time import floor_ms


class SimulatedExchange:
    """A market that answers for any instant of its own clock; symbols are given by name.

    `clock`, `weights` and `faults` may be read and changed while it serves.
    """

    def __init__(
        self,
        source: CandleSource,
        clock: SimulatedClock | None = None,
        faults: FaultScript | None = None,
    ) -> None:
        self.source = source
        self.clock = clock or SimulatedClock()
        self.faults = faults or FaultScript()
        self.weights = WeightMeter(self.clock)
        self._published = PublishedCandles(source)
        self._archive = CandleArchive(self._published)

    def now_ms(self) -> int:
        return self.clock.now_ms()

    def _take_snapshot(
        self, symbol: str, channel: CandleChannel = CandleChannel.REST
    ) -> MarketSnapshot:
        now = self.now_ms()
        return MarketSnapshot(
            now, select_active_rules(self.faults.market_rules, symbol, channel, now)
        )

    def find_symbol(self, symbol: str) -> ListedSymbol | None:
        """None for a symbol that the exchange does not have (yet)."""
        listing = self.source.symbols.get(symbol)
        return listing if listing and self._take_snapshot(symbol).is_listed else None

    def list_symbols(self) -> list[ListedSymbol]:
        return [one for symbol in self.source.symbols if (one := self.find_symbol(symbol))]

    def get_symbol_status(self, symbol: str) -> SymbolStatus:
        """TRADING, or BREAK after the last candle that there is."""
        reading = self._take_snapshot(symbol)
        ended = reading.now >= find_trading_window(self.source, symbol, reading.rules).end_ms
        return SymbolStatus.BREAK if ended else SymbolStatus.TRADING

    def get_klines(
        self,
        symbol: str,
        interval: KlineInterval | Interval,
        start: int | None = None,
        end: int | None = None,
        limit: int = 500,
        zone: int = 0,
    ) -> pa.Table:
        """CANDLE_SCHEMA, ascending; bounds inclusive on open time; the open candle is the last.

        `zone` is a time zone's distance from UTC in ms; periods begin by its clock.
        """
        reading = self._take_snapshot(symbol)
        kind = KlineInterval(interval)
        return self._published.get_klines(symbol, kind, reading, start, end, limit, zone)

    def get_archive_file(self, key: ArchiveKey) -> bytes | None:
        """The archive's file of that name as it stands now; None where there is none (yet)."""
        return self._archive.get_file(key, *self._take_archive_snapshot(key))

    def get_archive_time(self, key: ArchiveKey) -> int:
        """When a file that is there appeared, in epoch ms."""
        _, flaws = self._take_archive_snapshot(key)
        return self._archive.get_published_at_ms(key, flaws) or key.period.published_at_ms

    def list_archive_keys(
        self, kind: ArchiveKind, symbol: str, interval: KlineInterval
    ) -> list[ArchiveKey]:
        """The names of the files that may be there now, ascending."""
        return self._archive.list_keys(kind, symbol, interval, self.now_ms())

    def _take_archive_snapshot(self, key: ArchiveKey) -> tuple[MarketSnapshot, ArchiveRules]:
        reading = self._take_snapshot(key.symbol, CandleChannel.ARCHIVE)
        return reading, self.faults.select_archive_rules(
            describe_file_request(f"/{key}", key), reading.now
        )

    def get_depth(self, symbol: str, limit: int) -> SimulatedBook:
        """Up to `limit` levels a side; both empty where the symbol has no candle yet."""
        reading = self._take_snapshot(symbol)
        now = floor_ms(reading.now, BOOK_STEP_MS)
        stepped = MarketSnapshot(now, reading.rules)
        recent = self._published.get_klines(
            symbol, self._published.get_base_interval(symbol), stepped, limit=30
        )
        if not recent.num_rows:
            return SimulatedBook(compute_update_id(now), [], [])
        listing = self.source.symbols[symbol]
        price = int(recent["close"][-1].as_py().scaleb(listing.tick_digits))
        volumes = recent["volume"].cast(pa.float64()).to_numpy()
        lots = int(np.mean(volumes) * 10**listing.lot_digits / 40)
        return generate_book(listing, now, price, max(lots, 1), limit)

    def get_candles_since(self, symbol: str, first: int) -> pa.Table:
        """The minutes that opened from `first` on, the open one included."""
        reading = self._take_snapshot(symbol)
        base = self._published.get_base_interval(symbol)
        return self._published.select_between(symbol, base, reading, first, reading.now)

    def iterate_trades_back(self, symbol: str, until: int | None = None) -> Iterator[CandleTrades]:
        """Yield the trades up to now, or to `until` (epoch ms, inclusive), by candle.

        The newest candle's come first, ascending within a candle.
        """
        return self._published.iterate_trades_back(symbol, self._take_snapshot(symbol), until)

    def iterate_trades_from(self, symbol: str, start: int) -> Iterator[CandleTrades]:
        """Yield the trades from `start` (epoch ms) up to now, ascending, candle by candle."""
        return self._published.iterate_trades_from(symbol, self._take_snapshot(symbol), start)

    def get_last_price(self, symbol: str, until: int | None = None) -> Decimal:
        """The newest close, of minutes that opened up to `until`, or 0 where there is none."""
        newest = self.get_klines(
            symbol, self._published.get_base_interval(symbol), end=until, limit=1
        )
        price: Decimal = newest["close"][0].as_py() if newest.num_rows else Decimal(0)
        return price


def describe_file_request(path: str, key: ArchiveKey) -> RequestTarget:
    """What a request for a file is about; a month's is about no day."""
    day = key.period.first if key.period.kind is ArchiveKind.DAILY else None
    return RequestTarget(path, key.symbol, key.interval, day)
