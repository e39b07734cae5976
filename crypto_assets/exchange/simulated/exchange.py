"""The simulated exchange without HTTP: symbols, clock, candles, order book and archive."""

from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pyarrow as pa

from crypto_assets.exchange.simulated.archive_keys import ArchiveKey, ArchiveKind
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
    """A market as of the current time of its own clock.

    `clock`, `weights` and `faults` may be read and changed while the exchange serves.
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
        """Return the symbol, or None if the exchange does not list it (yet)."""
        listing = self.source.symbols.get(symbol)
        return listing if listing and self._take_snapshot(symbol).is_listed else None

    def list_symbols(self) -> list[ListedSymbol]:
        return [listing for symbol in self.source.symbols if (listing := self.find_symbol(symbol))]

    def get_symbol_status(self, symbol: str) -> SymbolStatus:
        """Return TRADING, or BREAK after the symbol's last candle."""
        snapshot = self._take_snapshot(symbol)
        ended = snapshot.now >= find_trading_window(self.source, symbol, snapshot.rules).end_ms
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
        """Return candles of CANDLE_SCHEMA, ascending, the open candle last.

        Both bounds are inclusive open times. Periods begin by the clock of a time zone `zone` ms
        from UTC.
        """
        snapshot = self._take_snapshot(symbol)
        kind = KlineInterval(interval)
        return self._published.get_klines(symbol, kind, snapshot, start, end, limit, zone)

    def get_archive_file(self, key: ArchiveKey) -> bytes | None:
        """Return the current content of an archive file, or None if it is not published (yet)."""
        return self._archive.get_file(key, *self._take_archive_snapshot(key))

    def get_archive_time(self, key: ArchiveKey) -> int:
        """Return when a published file appeared, in epoch ms."""
        _, flaws = self._take_archive_snapshot(key)
        return self._archive.get_published_at_ms(key, flaws) or key.period.published_at_ms

    def list_archive_keys(
        self, kind: ArchiveKind, symbol: str, interval: KlineInterval
    ) -> list[ArchiveKey]:
        """Return the keys of files that may be published by now, ascending."""
        return self._archive.list_keys(kind, symbol, interval, self.now_ms())

    def _take_archive_snapshot(self, key: ArchiveKey) -> tuple[MarketSnapshot, ArchiveRules]:
        snapshot = self._take_snapshot(key.symbol, CandleChannel.ARCHIVE)
        return snapshot, self.faults.select_archive_rules(
            describe_file_request(f"/{key}", key), snapshot.now
        )

    def get_depth(self, symbol: str, limit: int) -> SimulatedBook:
        """Return up to `limit` levels per side, none before the symbol's first candle."""
        snapshot = self._take_snapshot(symbol)
        now = floor_ms(snapshot.now, BOOK_STEP_MS)
        stepped = MarketSnapshot(now, snapshot.rules)
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
        """Return the minutes that opened at `first` or later, the open one included."""
        snapshot = self._take_snapshot(symbol)
        base = self._published.get_base_interval(symbol)
        return self._published.select_between(symbol, base, snapshot, first, snapshot.now)

    def iterate_trades_back(self, symbol: str, until: int | None = None) -> Iterator[CandleTrades]:
        """Yield the trades up to now, or to `until` (epoch ms, inclusive), candle by candle.

        The newest candle comes first; trades ascend within a candle.
        """
        return self._published.iterate_trades_back(symbol, self._take_snapshot(symbol), until)

    def iterate_trades_from(self, symbol: str, start: int) -> Iterator[CandleTrades]:
        """Yield the trades from `start` (epoch ms) up to now, ascending, candle by candle."""
        return self._published.iterate_trades_from(symbol, self._take_snapshot(symbol), start)

    def get_last_price(self, symbol: str, until: int | None = None) -> Decimal:
        """Return the newest close of minutes that opened up to `until`, or 0 without any."""
        newest = self.get_klines(
            symbol, self._published.get_base_interval(symbol), end=until, limit=1
        )
        price: Decimal = newest["close"][0].as_py() if newest.num_rows else Decimal(0)
        return price


def describe_file_request(path: str, key: ArchiveKey) -> RequestTarget:
    """Return the target of a request for a file. A monthly file has no day."""
    day = key.period.first if key.period.kind is ArchiveKind.DAILY else None
    return RequestTarget(path, key.symbol, key.interval, day)
