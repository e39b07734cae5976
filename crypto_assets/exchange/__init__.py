"""Clients of the exchange, and a simulated exchange for tests and the demo."""

from crypto_assets.exchange.archive import DailyArchive
from crypto_assets.exchange.binance import BinanceExchange
from crypto_assets.exchange.exchange_info import ExchangeInfo
from crypto_assets.exchange.interface import Exchange, ExchangeArchive, ExchangeRest
from crypto_assets.exchange.monitor import (
    ExchangeMonitor,
    ExchangeOutage,
    ExchangeProbe,
    probe_exchange,
)
from crypto_assets.exchange.rest import BinanceRest
from crypto_assets.exchange.retrying_transport import RequestRetryPolicy
from crypto_assets.service_waiter import ServiceWaiter
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames

__all__ = [
    "BinanceExchange",
    "BinanceRest",
    "DailyArchive",
    "Exchange",
    "ExchangeArchive",
    "ExchangeInfo",
    "ExchangeMonitor",
    "ExchangeOutage",
    "ExchangeProbe",
    "ExchangeRest",
    "RequestRetryPolicy",
    "open_exchange",
    "probe_exchange",
]


def open_exchange(
    exchange_url: str,
    archive_url: str,
    retry_policy: RequestRetryPolicy | None = None,
    waiter: ServiceWaiter | None = None,
    names: SettingNames = DEFAULT_NAMES,
) -> Exchange:
    """Return clients of the exchange at these addresses. Sends no request.

    Requests are retried by `retry_policy`, and all of that again by `waiter` during an outage.
    Messages call the addresses by `names`.

    Raises WrongUse for a malformed address.
    """
    return BinanceExchange(
        BinanceRest(exchange_url, retry_policy, waiter=waiter, names=names),
        DailyArchive(archive_url, retry_policy, waiter, names),
        names,
    )
