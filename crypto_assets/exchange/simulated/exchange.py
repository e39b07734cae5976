"""The simulated exchange without its HTTP: symbols, clock, candles, book and archive."""

from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa

from crypto_assets.exchange.simulated.book import STEP_MS, Book, book_at, update_id
from crypto_assets.exchange.simulated.catalogue import Listing
from crypto_assets.exchange.simulated.clock import SimulatedClock
from crypto_assets.exchange.simulated.daily_archive import ArchiveFile, DailyArchive
from crypto_assets.exchange.simulated.faults.files import Flaws
from crypto_assets.exchange.simulated.faults.rules import Channel
from crypto_assets.exchange.simulated.faults.script import FaultScript
from crypto_assets.exchange.simulated.published import PublishedCandles
from crypto_assets.exchange.simulated.reading import Reading, edition_of, span
from crypto_assets.exchange.simulated.source import CandleSource
from crypto_assets.exchange.simulated.weights import WeightMeter
from crypto_assets.market.clock import DAY_MS, floor_ms
from crypto_assets.market.intervals import Interval
from crypto_assets.market.symbols import SymbolStatus


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
        self._archive = DailyArchive(self._published)

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
        interval: Interval,
        start: int | None = None,
        end: int | None = None,
        limit: int = 500,
    ) -> pa.Table:
        """CANDLE_SCHEMA, ascending; bounds inclusive on open time; the open candle is the last."""
        reading = self._reading(symbol)
        return self._published.klines(symbol, interval, reading, start, end, limit)

    def archive_file(
        self, symbol: str, interval: Interval, day: date, flaws: Flaws = ()
    ) -> ArchiveFile | None:
        """The day's file as it stands now, or None; `flaws` are the script's for this file."""
        reading = self._reading(symbol, Channel.ARCHIVE)
        return self._archive.file(symbol, interval, day, reading, flaws)

    def depth(self, symbol: str, limit: int) -> Book:
        """Up to `limit` levels a side; both empty where the symbol has no candle yet."""
        reading = self._reading(symbol)
        now = floor_ms(reading.now, STEP_MS)
        stepped = Reading(now, reading.edition)
        recent = self._published.klines(symbol, self._finest(symbol), stepped, limit=30)
        if not recent.num_rows:
            return Book(update_id(now), [], [])
        listing = self.source.symbols[symbol]
        price = int(recent["close"][-1].as_py().scaleb(listing.tick_digits))
        volumes = recent["volume"].cast(pa.float64()).to_numpy()
        lots = int(np.mean(volumes) * 10**listing.lot_digits / 40)
        return book_at(listing, now, price, max(lots, 1), limit)

    def last_day(self, symbol: str) -> pa.Table:
        """The minutes of the last 24 hours, the open one included."""
        reading = self._reading(symbol)
        first = reading.now - DAY_MS + 1
        return self._published.between(symbol, self._finest(symbol), reading, first, reading.now)

    def last_price(self, symbol: str) -> Decimal:
        """The newest close, or 0 where there is none."""
        newest = self.klines(symbol, self._finest(symbol), limit=1)
        price: Decimal = newest["close"][0].as_py() if newest.num_rows else Decimal(0)
        return price

    def _finest(self, symbol: str) -> Interval:
        return next(interval for interval in Interval if self.source.holds(symbol, interval))
