"""A traded pair as the exchange describes it."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from crypto_assets.errors import UnknownSymbol

# The exchange's own pattern, as its error -1100 states it, in upper case.
_PATTERN = re.compile(r"^[A-Z0-9\-_.]{1,20}$")


class SymbolStatus(StrEnum):
    """`exchangeInfo`'s words; anything but TRADING prints no new candles."""

    TRADING = "TRADING"
    HALT = "HALT"
    BREAK = "BREAK"
    CANCEL_ONLY = "CANCEL_ONLY"
    END_OF_DAY = "END_OF_DAY"


@dataclass(frozen=True)
class Symbol:
    """One entry of `exchangeInfo.symbols`; `tick_size` is the smallest step of the price."""

    name: str
    base: str
    quote: str
    status: SymbolStatus
    tick_size: Decimal


def symbol_name(text: object) -> str:
    """`text` as a symbol's name in upper case. Raises UnknownSymbol where it cannot be one."""
    name = text.strip().upper() if isinstance(text, str) else ""
    if not _PATTERN.match(name):
        raise UnknownSymbol(
            f"{text!r} cannot be a symbol: use letters and digits as in BTCUSDT, at most 20"
        )
    return name
