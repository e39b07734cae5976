"""The simulated exchange without its HTTP: symbols, clock, candles, book and archive."""

from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pyarrow as pa

from crypto_assets.exchange.simulated.archive_period import ArchiveKey, Kind
from crypto_assets.exchange.simulated.candle_archive import CandleArchive
from crypto_assets.exchange.simulated.candle_source import CandleSource
from crypto_assets.exchange.simulated.clock import SimulatedClock
from crypto_assets.exchange.simulated.faults.file_flaws import Flaws
from crypto_assets.exchange.simulated.faults.rules import Asked, Channel
from crypto_assets.exchange.simulated.faults.script import FaultScript
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.exchange.simulated.market_snapshot import Reading, edition_of, span
from crypto_assets.exchange.simulated.order_book import STEP_MS, Book, book_at, update_id
from crypto_assets.exchange.simulated.published_candles import PublishedCandles
from crypto_assets.exchange.simulated.symbol_catalog import Listing
from crypto_assets.exchange.simulated.trades import Trades
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

    def _reading(self, symbol: str, channel: Channel = Channel.REST) -> Reading:
        now = self.now_ms()
        return Reading(now, edition_of(self.faults.market, symbol, channel, now))

    def listing(self, symbol: str) -> Listing | None:
        """None for a symbol that the exchange does not have (yet)."""
        listing = self.source.symbols.get(symbol)
        return listing if listing and self._reading(symbol).listed else None

    def listings(self) -> list[Listing]:
        return [one for symbol in self.source.symbols if (one := self.listing(symbol))]

    def status(self, symbol: str) -> SymbolStatus:
        """TRADING, or BREAK after the last candle that there is."""
        reading = self._reading(symbol)
        ended = reading.now >= span(self.source, symbol, reading.edition).end_ms
        return SymbolStatus.BREAK if ended else SymbolStatus.TRADING

    def klines(
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
        reading = self._reading(symbol)
        kind = KlineInterval(interval)
        return self._published.klines(symbol, kind, reading, start, end, limit, zone)

    def archive_part(self, key: ArchiveKey) -> bytes | None:
        """The archive's file of that name as it stands now; None where there is none (yet)."""
        return self._archive.part(key, *self._archived(key))

    def archive_time(self, key: ArchiveKey) -> int:
        """When a file that is there appeared, in epoch ms."""
        _, flaws = self._archived(key)
        return self._archive.appears_ms(key, flaws) or key.period.appears_ms

    def archive_keys(self, kind: Kind, symbol: str, interval: KlineInterval) -> list[ArchiveKey]:
        """The names of the files that may be there now, ascending."""
        return self._archive.names(kind, symbol, interval, self.now_ms())

    def _archived(self, key: ArchiveKey) -> tuple[Reading, Flaws]:
        reading = self._reading(key.symbol, Channel.ARCHIVE)
        return reading, self.faults.files(asked_file(f"/{key}", key), reading.now)

    def depth(self, symbol: str, limit: int) -> Book:
        """Up to `limit` levels a side; both empty where the symbol has no candle yet."""
        reading = self._reading(symbol)
        now = floor_ms(reading.now, STEP_MS)
        stepped = Reading(now, reading.edition)
        recent = self._published.klines(symbol, self._published.base(symbol), stepped, limit=30)
        if not recent.num_rows:
            return Book(update_id(now), [], [])
        listing = self.source.symbols[symbol]
        price = int(recent["close"][-1].as_py().scaleb(listing.tick_digits))
        volumes = recent["volume"].cast(pa.float64()).to_numpy()
        lots = int(np.mean(volumes) * 10**listing.lot_digits / 40)
        return book_at(listing, now, price, max(lots, 1), limit)

    def candles_since(self, symbol: str, first: int) -> pa.Table:
        """The minutes that opened from `first` on, the open one included."""
        reading = self._reading(symbol)
        base = self._published.base(symbol)
        return self._published.between(symbol, base, reading, first, reading.now)

    def trades_back(self, symbol: str, until: int | None = None) -> Iterator[Trades]:
        """Yield the trades up to now, or to `until` (epoch ms, inclusive), by candle.

        The newest candle's come first, ascending within a candle.
        """
        return self._published.trades_back(symbol, self._reading(symbol), until)

    def trades_from(self, symbol: str, start: int) -> Iterator[Trades]:
        """Yield the trades from `start` (epoch ms) up to now, ascending, candle by candle."""
        return self._published.trades_from(symbol, self._reading(symbol), start)

    def last_price(self, symbol: str, until: int | None = None) -> Decimal:
        """The newest close, of minutes that opened up to `until`, or 0 where there is none."""
        newest = self.klines(symbol, self._published.base(symbol), end=until, limit=1)
        price: Decimal = newest["close"][0].as_py() if newest.num_rows else Decimal(0)
        return price


def asked_file(path: str, key: ArchiveKey) -> Asked:
    """What a request for a file is about; a month's is about no day."""
    day = key.period.first if key.period.kind is Kind.DAILY else None
    return Asked(path, key.symbol, key.interval, day)
