"""A traded pair as the exchange describes it, and the one rule of what a symbol's name is."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from crypto_assets.errors import UnknownSymbol

# The exchange's own pattern, as its error -1100 states it: word characters of any script without
# lower case ASCII letters, and - . _
SYMBOL_PATTERN = r"[\w\-._&&[^a-z]]{1,50}"
MAX_SYMBOL_LENGTH = 50
# What people type, lower case too, in a syntax that every reader of OpenAPI knows: no control
# character and no other ASCII punctuation. Which characters of other scripts may stand in a symbol,
# `is_symbol` decides.
TYPED_SYMBOL_PATTERN = rf"^[^\x00-,/:-@\[-\^`{{-\x7f]{{1,{MAX_SYMBOL_LENGTH}}}$"

_CAPITALS = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_EXTRA_CHARACTERS = frozenset("-._\u200c\u200d")
# Python's \w leaves out the marks (category M) that many scripts write their vowels with.
_WORD_CATEGORIES = frozenset("LMN")
# Nothing that a path could read as a folder; and Dagster forbids "..." in a partition's key.
_UNUSABLE = re.compile(r"\.{1,2}|.*\.\.\..*")


class SymbolStatus(StrEnum):
    """`exchangeInfo`'s words; anything but TRADING prints no new candles.

    DELISTED is not one of them: the exchange's list no longer names the symbol.
    """

    TRADING = "TRADING"
    HALT = "HALT"
    BREAK = "BREAK"
    CANCEL_ONLY = "CANCEL_ONLY"
    END_OF_DAY = "END_OF_DAY"
    DELISTED = "DELISTED"


@dataclass(frozen=True)
class Symbol:
    """One entry of `exchangeInfo.symbols`; `tick_size` is the smallest step of the price."""

    name: str
    base: str
    quote: str
    status: SymbolStatus
    tick_size: Decimal


def is_symbol(text: str) -> bool:
    """Whether the exchange's pattern allows `text` as a symbol's name, exactly as it is written."""
    return (
        0 < len(text) <= MAX_SYMBOL_LENGTH
        and all(map(_is_symbol_character, text))
        and not _UNUSABLE.fullmatch(text)
    )


def list_spellings(text: str) -> tuple[str, ...]:
    """What typed text can mean, the nearest first; none of them need be a symbol.

    ASCII letters become capitals, as in every symbol. The exchange may mix upper and lower case of
    other scripts and composed and decomposed letters, so these change only in later readings.
    """
    as_typed = text.translate(_CAPITALS)
    composed = unicodedata.normalize("NFC", as_typed)
    return tuple(dict.fromkeys((as_typed, composed, composed.upper())))


def list_possible_symbols(text: object) -> tuple[str, ...]:
    """The readings of typed text that can be symbols. Raises UnknownSymbol where there is none."""
    typed = text.strip() if isinstance(text, str) else ""
    names = tuple(name for name in list_spellings(typed) if is_symbol(name))
    if not names:
        raise UnknownSymbol(
            f"{text!r} cannot be a symbol: use letters and digits as in BTCUSDT, "
            f"at most {MAX_SYMBOL_LENGTH} characters"
        )
    return names


def parse_symbol(text: object, known: Collection[str] = ()) -> str:
    """The symbol that typed text means: the first of its readings that is known, else the first.

    Known symbols are compared as the exchange writes them. Raises UnknownSymbol where `text` cannot
    be a symbol.
    """
    names = list_possible_symbols(text)
    return next((name for name in names if name in known), names[0])


def _is_symbol_character(character: str) -> bool:
    """Whether a symbol may have this character."""
    if character in _EXTRA_CHARACTERS:
        return True
    category = unicodedata.category(character)
    return (category[0] in _WORD_CATEGORIES or category == "Pc") and not "a" <= character <= "z"
