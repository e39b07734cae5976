"""The REST client: server time, symbols, candles and order books.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote_plus

import orjson
import pyarrow as pa

from crypto_assets.errors import ExchangeUnavailable, RequestRejected, UnknownSymbol
from crypto_assets.exchange.exchange_info import ExchangeInfo, parse_exchange_info
from crypto_assets.exchange.identity import continue_recording, detect_identity
from crypto_assets.exchange.quota import ExchangeQuota, get_shared_quota
from crypto_assets.exchange.recording import Recording
from crypto_assets.exchange.response import (
    MAX_EXCHANGE_INFO_BYTES,
    ExchangeResponse,
    malformed_response_error,
    parse_json_object,
    parse_kline_rows,
    validate_order_book,
)
from crypto_assets.exchange.retrying_transport import (
    ExchangeRequest,
    ExchangeTransport,
    RequestRetryPolicy,
)
from crypto_assets.exchange.weight_budget import CHEAP_WEIGHT
from crypto_assets.market.candles import KlineRow, table_from_rows
from crypto_assets.market.intervals import Interval
from crypto_assets.market.symbols import parse_symbol
from crypto_assets.market.utc_time import MAX_EPOCH_MS, Window
from crypto_assets.service_waiter import ServiceWaiter
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames

PAGE_ROWS = 1000  # the exchange's maximum
_KLINES_WEIGHT = 2
_INFO_WEIGHT = 20
_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50))
_DEEPEST_WEIGHT = 250
# The most characters of a percent-encoded list of symbols; for a longer one all are requested.
_NAMED_CHARACTERS = 4000
_UNKNOWN_SYMBOL = {-1121, -1100}


class BinanceRest:
    """Market data of Binance, or of an exchange with the same API. Safe for many threads.

    Every method retries transient failures by `retry_policy`. It raises ExchangeUnavailable or
    RateLimited after the last attempt, and ExchangeBanned, ExchangeForbidden and RequestRejected
    at once. Requests stay within the quota that all clients of a process share.
    """

    def __init__(
        self,
        base_url: str,
        retry_policy: RequestRetryPolicy | None = None,
        quota: ExchangeQuota | None = None,
        page_rows: int = PAGE_ROWS,
        waiter: ServiceWaiter | None = None,
        names: SettingNames = DEFAULT_NAMES,
    ) -> None:
        self._quota = quota or get_shared_quota(base_url)
        self._budget = self._quota.weight_budget
        self._transport = ExchangeTransport(base_url, retry_policy, self._quota, waiter, names)
        self._page_rows = page_rows
        self._limit_lock = threading.Lock()

    @property
    def base_url(self) -> str:
        return self._transport.base_url

    def fetch_server_time(self) -> int:
        """Return the exchange's clock in epoch ms, which decides what is closed. Weight 1."""
        return self._transport.get(ExchangeRequest("/api/v3/time", {}, 1), _parse_server_time)

    def compute_fetch_time(self) -> int:
        """Return the time to record for a fetch that has just ended, in epoch ms.

        It is this machine's, but not later than the clock of the REST server, by the header `Date`
        of its responses. That is real time also where a simulated exchange serves another.
        """
        return self._transport.server_clock.compute_fetch_time()

    def fetch_identity(self) -> str:
        """Return "binance", "binance.us", "simulated:<data>", or the host of another server."""
        return detect_identity(self._transport, "/api/v3/ping")

    def continue_recording(self, stored: Recording, served: Recording) -> Recording:
        """See `identity.continue_recording`. Raises ForeignExchange."""
        return continue_recording(stored, served, self._transport)

    def fetch_exchange_info(self, symbols: Sequence[str] | None = None) -> ExchangeInfo:
        """Return the named symbols in the given order, or all symbols. Weight 20.

        Names are spelled as the exchange spells them. Raises UnknownSymbol for those not listed.
        """
        names = None if symbols is None else [parse_symbol(text) for text in symbols]
        listed = orjson.dumps(names).decode()
        is_short = names and len(quote_plus(listed)) <= _NAMED_CHARACTERS
        query = {"symbols": listed} if is_short else {}
        try:
            info = self._fetch_info(query)
        except RequestRejected as error:
            if not query or error.code not in _UNKNOWN_SYMBOL:
                raise
            # The error does not name the unknown symbol; the list of all symbols shows it.
            info = self._fetch_info({})
        return _select_named_symbols(info, names, self.base_url)

    def fetch_kline_pages(
        self, symbol: str, interval: Interval, window: Window
    ) -> Iterator[list[KlineRow]]:
        """Yield the candles that open in the window, ascending, in pages of up to 1000 rows.

        Rows have the 12 fields of the response; the newest may still be open. Weight 2 per page.
        """
        start = window.start_ms
        while start < window.end_ms:
            page = self._fetch_page(symbol, interval, Window(start, window.end_ms))
            if not page:
                return
            yield page
            # A page shorter than the limit need not be the last.
            last = int(page[-1][0])
            start = last + 1
            if interval.floor(last) + interval.ms >= window.end_ms:
                return

    def fetch_candle_table(self, symbol: str, interval: Interval, window: Window) -> pa.Table:
        """Return the candles that open in the window as one table of CANDLE_SCHEMA."""
        rows = [row for page in self.fetch_kline_pages(symbol, interval, window) for row in page]
        try:
            return table_from_rows(rows)
        except ValueError as error:
            raise ExchangeUnavailable(
                f"{self.base_url} returned an invalid candle of {symbol}: {error}"
            ) from error

    def fetch_depth(self, symbol: str, limit: int) -> bytes:
        """Return the best `limit` levels per side, 1 to 5000, as the response's bytes.

        Weight 5, 25, 50 or 250 for up to 100, 500, 1000 or 5000 levels.
        """
        weight = next(
            (weight for levels, weight in _DEPTH_WEIGHTS if limit <= levels), _DEEPEST_WEIGHT
        )
        self._prepare_budget(symbol, weight)
        query: dict[str, str | int] = {"symbol": symbol, "limit": limit}
        return self._transport.get(
            ExchangeRequest("/api/v3/depth", query, weight), validate_order_book
        )

    def _fetch_page(self, symbol: str, interval: Interval, window: Window) -> list[KlineRow]:
        self._prepare_budget(symbol, _KLINES_WEIGHT)
        query: dict[str, str | int] = {
            "symbol": symbol,
            "interval": interval.value,
            "startTime": window.start_ms,
            "endTime": window.end_ms - 1,
            "limit": self._page_rows,
        }
        return self._transport.get(
            ExchangeRequest("/api/v3/klines", query, _KLINES_WEIGHT),
            lambda response: parse_kline_rows(response, window),
        )

    def _fetch_info(self, query: Mapping[str, str]) -> ExchangeInfo:
        request = ExchangeRequest(
            "/api/v3/exchangeInfo", query, _INFO_WEIGHT, max_bytes=MAX_EXCHANGE_INFO_BYTES
        )
        info = self._transport.get(request, parse_exchange_info)
        self._budget.set_limit(info.weight_limit)
        return info

    def _prepare_budget(self, symbol: str, weight: int) -> None:
        """Read the weight limit once per process, and a fresh count before a heavy request."""
        with self._limit_lock:
            if self._budget.limit is None:
                self._fetch_info({"symbol": symbol})
        if weight > CHEAP_WEIGHT and self._budget.is_stale:
            self._transport.get(ExchangeRequest("/api/v3/ping", {}, 1), lambda response: None)


def _parse_server_time(response: ExchangeResponse) -> int:
    now = parse_json_object(response, "serverTime")["serverTime"]
    if type(now) is not int or not 0 <= now <= MAX_EPOCH_MS:
        raise malformed_response_error(response, "not a server time")
    return now


def _select_named_symbols(
    info: ExchangeInfo, names: Sequence[str] | None, base_url: str
) -> ExchangeInfo:
    """Return the named symbols, or all where none is named. Raises UnknownSymbol."""
    if names is None:
        return info
    spelled = [parse_symbol(name, info.symbols) for name in names]
    unknown = [name for name in spelled if name not in info.symbols]
    if unknown:
        raise UnknownSymbol(
            f"{base_url} does not list {', '.join(unknown)}: check the spelling, as in BTCUSDT"
        )
    return ExchangeInfo({name: info.symbols[name] for name in spelled}, info.weight_limit)
