"""A traded pair as the exchange describes it, and the rules for symbol names."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from crypto_assets.errors import UnknownSymbol
from crypto_assets.foreign_text import shorten_text

# The exchange's own pattern, from its error -1100: word characters of any script except lower-case
# ASCII letters, and - . _
SYMBOL_PATTERN = r"[\w\-._&&[^a-z]]{1,50}"
MAX_SYMBOL_LENGTH = 50
# What users may type, in lower case too, as a regular expression that all OpenAPI tools support: no
# control character and no other ASCII punctuation. `is_symbol` checks characters of other scripts.
TYPED_SYMBOL_PATTERN = rf"^[^\x00-,/:-@\[-\^`{{-\x7f]{{1,{MAX_SYMBOL_LENGTH}}}$"

# The smallest price increment of the exchange, and the one of a symbol that states none.
FINEST_TICK = Decimal("0.00000001")
_MAX_SHOWN = 80
_TICK_LIMIT = Decimal(10) ** 12

_CAPITALS = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_EXTRA_CHARACTERS = frozenset("-._\u200c\u200d")
# Python's \w excludes the marks (category M) with which many scripts write vowels.
_WORD_CATEGORIES = frozenset("LMN")
# Names that are special in a path, and "...", which Dagster forbids in a partition key.
_UNUSABLE = re.compile(r"\.{1,2}|.*\.\.\..*")


class SymbolStatus(StrEnum):
    """The statuses of `exchangeInfo`; a symbol gets new candles only while TRADING.

    DELISTED is our own: the exchange no longer lists the symbol.
    """

    TRADING = "TRADING"
    HALT = "HALT"
    BREAK = "BREAK"
    CANCEL_ONLY = "CANCEL_ONLY"
    END_OF_DAY = "END_OF_DAY"
    DELISTED = "DELISTED"


@dataclass(frozen=True)
class Symbol:
    """An entry of `exchangeInfo.symbols`; `tick_size` is the smallest price increment."""

    name: str
    base: str
    quote: str
    status: SymbolStatus
    tick_size: Decimal


def is_tick_size(value: Decimal) -> bool:
    """Return whether a value can be a tick size: positive, with at most eight decimals."""
    return value.is_finite() and FINEST_TICK <= value < _TICK_LIMIT and not value % FINEST_TICK


def is_symbol(text: str) -> bool:
    """Return whether the exchange's pattern allows `text`, exactly as written, as a symbol."""
    return (
        0 < len(text) <= MAX_SYMBOL_LENGTH
        and all(map(_is_symbol_character, text))
        and not _UNUSABLE.fullmatch(text)
    )


def list_spellings(text: str) -> tuple[str, ...]:
    """List the possible spellings of typed text, closest first; they may not be symbols.

    ASCII letters become upper case, as in every symbol. The exchange may use upper and lower case
    of other scripts, and composed and decomposed letters, so only later spellings change these.
    """
    as_typed = text.translate(_CAPITALS)
    composed = unicodedata.normalize("NFC", as_typed)
    return tuple(dict.fromkeys((as_typed, composed, composed.upper())))


def list_possible_symbols(text: object) -> tuple[str, ...]:
    """List the spellings of typed text that can be symbols. Raises UnknownSymbol if none can."""
    typed = text.strip() if isinstance(text, str) else ""
    names = tuple(name for name in list_spellings(typed) if is_symbol(name))
    if not names:
        raise UnknownSymbol(
            f"{shorten_text(repr(text), _MAX_SHOWN)} cannot be a symbol: use letters and digits "
            f"as in BTCUSDT, at most {MAX_SYMBOL_LENGTH} characters"
        )
    return names


def parse_symbol(text: object, known: Collection[str] = ()) -> str:
    """Return the first spelling of typed text that is a known symbol, or else the first one.

    Known symbols are compared as the exchange writes them. Raises UnknownSymbol if `text` cannot be
    a symbol.
    """
    names = list_possible_symbols(text)
    return next((name for name in names if name in known), names[0])


def _is_symbol_character(character: str) -> bool:
    if character in _EXTRA_CHARACTERS:
        return True
    category = unicodedata.category(character)
    return (category[0] in _WORD_CATEGORIES or category == "Pc") and not "a" <= character <= "z"
