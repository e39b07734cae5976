"""The exchange's description of itself: its symbols and how much it may be asked.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/general-endpoints
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from crypto_assets.exchange.response import ExchangeResponse
from crypto_assets.exchange.response_parsing import malformed_response_error, parse_json_object
from crypto_assets.market.symbols import Symbol, SymbolStatus
from crypto_assets.market.utc_time import MINUTES_PER_DAY, MINUTES_PER_HOUR

# The exchange's finest step, of a symbol without a price filter.
_FINEST = Decimal("0.00000001")


@dataclass(frozen=True)
class ExchangeInfo:
    """Symbols by name, and the request weight that one IP may use in a minute."""

    symbols: Mapping[str, Symbol]
    weight_limit: int


def parse_exchange_info(answer: ExchangeResponse) -> ExchangeInfo:
    """Raises ExchangeUnavailable where the answer is no exchangeInfo."""
    body = parse_json_object(answer, "rateLimits", "symbols")
    try:
        symbols = [_parse_symbol(entry) for entry in body["symbols"]]
        limits = [_parse_minute_weight(limit) for limit in body["rateLimits"]]
        limit = min(limit for limit in limits if limit)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise malformed_response_error(answer, f"no exchangeInfo ({error!r})") from None
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


def _parse_symbol_status(word: str) -> SymbolStatus:
    """A word that is new to us prints no candles until it is known to: BREAK."""
    known = word in set(SymbolStatus) - {SymbolStatus.DELISTED}
    return SymbolStatus(word) if known else SymbolStatus.BREAK
