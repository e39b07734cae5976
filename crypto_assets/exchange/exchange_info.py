"""Read exchangeInfo: the symbols of the exchange and its request weight limit.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/general-endpoints
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from crypto_assets.exchange.response import (
    ExchangeResponse,
    malformed_response_error,
    parse_json_object,
)
from crypto_assets.market.symbols import Symbol, SymbolStatus
from crypto_assets.market.utc_time import MINUTES_PER_DAY, MINUTES_PER_HOUR

# The tick size of a symbol without a price filter: the finest of the exchange.
_FINEST = Decimal("0.00000001")


@dataclass(frozen=True)
class ExchangeInfo:
    """Symbols by name, and the request weight per minute and IP address."""

    symbols: Mapping[str, Symbol]
    weight_limit: int


def parse_exchange_info(response: ExchangeResponse) -> ExchangeInfo:
    """Parse an exchangeInfo response. Raises ExchangeUnavailable for any other content."""
    body = parse_json_object(response, "rateLimits", "symbols")
    try:
        symbols = [_parse_symbol(entry) for entry in body["symbols"]]
        limits = [_parse_minute_weight(limit) for limit in body["rateLimits"]]
        limit = min(limit for limit in limits if limit)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise malformed_response_error(response, f"not an exchangeInfo ({error!r})") from None
    return ExchangeInfo({symbol.name: symbol for symbol in symbols}, limit)


def _parse_minute_weight(limit: Mapping[str, Any]) -> int | None:
    minutes = {"MINUTE": 1, "HOUR": MINUTES_PER_HOUR, "DAY": MINUTES_PER_DAY}.get(limit["interval"])
    if limit["rateLimitType"] != "REQUEST_WEIGHT" or not minutes:
        return None
    return int(limit["limit"]) // (minutes * int(limit["intervalNum"]))


def _parse_symbol(entry: Mapping[str, Any]) -> Symbol:
    return Symbol(
        name=str(entry["symbol"]),
        base=str(entry["baseAsset"]),
        quote=str(entry["quoteAsset"]),
        status=_parse_symbol_status(entry["status"]),
        tick_size=next(
            (Decimal(f["tickSize"]) for f in entry["filters"] if f["filterType"] == "PRICE_FILTER"),
            _FINEST,
        ),
    )


def _parse_symbol_status(text: str) -> SymbolStatus:
    """Return the status, or BREAK for an unknown one: such a symbol is not expected to trade."""
    is_known = text in set(SymbolStatus) - {SymbolStatus.DELISTED}
    return SymbolStatus(text) if is_known else SymbolStatus.BREAK
