"""Read exchangeInfo: the symbols of the exchange and its request weight limit.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/general-endpoints
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from functools import cache
from typing import Any

from crypto_assets.exchange.response import (
    ExchangeResponse,
    malformed_response_error,
    parse_json_object,
)
from crypto_assets.foreign_text import shorten_text
from crypto_assets.market.symbols import (
    FINEST_TICK,
    Symbol,
    SymbolStatus,
    is_symbol,
    is_tick_size,
)
from crypto_assets.market.utc_time import MINUTES_PER_DAY, MINUTES_PER_HOUR

# The exchange's form has at most 21 characters.
_MAX_TICK_CHARACTERS = 40
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExchangeInfo:
    """Symbols by name, and the request weight per minute and IP address."""

    symbols: Mapping[str, Symbol]
    weight_limit: int


def parse_exchange_info(response: ExchangeResponse) -> ExchangeInfo:
    """Parse an exchangeInfo response. Raises ExchangeUnavailable for any other content."""
    body = parse_json_object(response, "rateLimits", "symbols")
    try:
        symbols = [symbol for entry in body["symbols"] if (symbol := _parse_symbol(entry))]
        limits = [_parse_minute_weight(limit) for limit in body["rateLimits"]]
        limit = min(limit for limit in limits if limit is not None)
        if limit <= 0:
            raise ValueError(f"a limit of {limit} requests")
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise malformed_response_error(
            response, f"not an exchangeInfo ({shorten_text(repr(error))})"
        ) from None
    return ExchangeInfo({symbol.name: symbol for symbol in symbols}, limit)


def _parse_minute_weight(limit: Mapping[str, Any]) -> int | None:
    minutes = {"MINUTE": 1, "HOUR": MINUTES_PER_HOUR, "DAY": MINUTES_PER_DAY}.get(limit["interval"])
    if limit["rateLimitType"] != "REQUEST_WEIGHT" or not minutes:
        return None
    return int(limit["limit"]) // (minutes * int(limit["intervalNum"]))


def _parse_symbol(entry: Mapping[str, Any]) -> Symbol | None:
    """Return the symbol; None if it or an asset has a name that pages must not show."""
    name, base, quote = (str(entry[key]) for key in ("symbol", "baseAsset", "quoteAsset"))
    if not all(map(is_symbol, (name, base, quote))):
        _warn_of_names(*map(shorten_text, (name, base, quote)))
        return None
    return Symbol(
        name=name,
        base=base,
        quote=quote,
        status=_parse_symbol_status(entry["status"]),
        tick_size=next(
            (
                _parse_tick_size(name, f["tickSize"])
                for f in entry["filters"]
                if f["filterType"] == "PRICE_FILTER"
            ),
            FINEST_TICK,
        ),
    )


def _parse_tick_size(symbol: str, text: object) -> Decimal:
    """Return the tick size, or the finest for 0, which means none, and for an invalid one."""
    shown = shorten_text(text)
    try:
        if isinstance(text, str) and len(text) <= _MAX_TICK_CHARACTERS:
            value = Decimal(text)
            if value == 0 or is_tick_size(value):
                return value or FINEST_TICK
    except DecimalException:
        pass
    _warn_of_tick_size(symbol, shown)
    return FINEST_TICK


@cache
def _warn_of_names(name: str, base: str, quote: str) -> None:
    _log.warning(
        "ignored the symbol %r of %r and %r: such a name has characters that the exchange does "
        "not use",
        name,
        base,
        quote,
    )


@cache
def _warn_of_tick_size(symbol: str, shown: str) -> None:
    _log.warning(
        "the exchange lists %s with the tick size %r, which is not valid: its prices are shown "
        "with eight decimals",
        symbol,
        shown,
    )


def _parse_symbol_status(text: str) -> SymbolStatus:
    """Return the status, or BREAK for an unknown one: such a symbol is not expected to trade."""
    is_known = text in set(SymbolStatus) - {SymbolStatus.DELISTED}
    return SymbolStatus(text) if is_known else SymbolStatus.BREAK
