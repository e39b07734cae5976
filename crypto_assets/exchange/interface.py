"""What the pipeline needs of an exchange. `BinanceExchange` is the implementation for Binance."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Protocol

import pyarrow as pa

from crypto_assets.exchange.exchange_info import ExchangeInfo
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.intervals import Interval
from crypto_assets.market.raw_klines import RawKlines
from crypto_assets.market.utc_time import Window


class ExchangeRest(Protocol):
    """Market data over REST. Safe for many threads; every method raises ExchangeError."""

    @property
    def base_url(self) -> str:
        """The server's address, without a login."""
        ...

    def fetch_server_time(self) -> int:
        """Return the exchange's clock in epoch ms. It decides which candles are closed."""
        ...

    def compute_fetch_time(self) -> int:
        """Return the time to record for a fetch that has just ended, in epoch ms.

        Of two fetches of a candle the later one counts: a wrong clock of this machine must not
        make it later than the exchange's own.
        """
        ...

    def fetch_exchange_info(self, symbols: Sequence[str] | None = None) -> ExchangeInfo:
        """Return the named symbols in the given order, or all symbols.

        Raises UnknownSymbol where the exchange does not list one of them.
        """
        ...

    def fetch_kline_pages(
        self, symbol: str, interval: Interval, window: Window
    ) -> Iterator[list[KlineRow]]:
        """Yield the candles that open in the window, ascending, in pages that are not empty.

        The newest candle may still be open. Raises NotListed for a symbol that is not listed.
        """
        ...

    def fetch_candle_table(self, symbol: str, interval: Interval, window: Window) -> pa.Table:
        """Return the candles that open in the window as one table of CANDLE_SCHEMA."""
        ...

    def fetch_depth(self, symbol: str, limit: int) -> bytes:
        """Return the best `limit` levels per side of the order book as the response's bytes."""
        ...


class ExchangeArchive(Protocol):
    """Files of whole past days. Safe for many threads."""

    @property
    def base_url(self) -> str:
        """The server's address, without a login."""
        ...

    def fetch_day(self, symbol: str, day: date) -> RawKlines:
        """Return the minutes of a UTC day, verified and ascending.

        Raises ArchiveMissing where the day is not published, ArchiveBroken where its file is
        damaged, and ExchangeError.
        """
        ...


class Exchange(Protocol):
    """An exchange: its REST API, its archive, and the name by which the stores remember it."""

    @property
    def rest(self) -> ExchangeRest: ...

    @property
    def archive(self) -> ExchangeArchive: ...

    def resolve_identity(self) -> str:
        """Return the name of the exchange. Warehouse and lakes refuse candles of another one.

        Raises ForeignExchange where REST API and archive belong to two exchanges.
        """
        ...

    def continue_identity(self, stored: str | None, served: str) -> str | None:
        """Return the new name of the exchange `stored`, or None where `served` is another one.

        Raises ForeignExchange where the two are different recordings.
        """
        ...
