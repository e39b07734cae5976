"""Parsing of the instants and days that users write.

An instant is ISO 8601, in UTC unless it has an offset, or epoch ms. A day is written 2025-01-31 and
in no other way. A number is never a day; see `is_ambiguous_number`.
"""

import re
from datetime import UTC, date, datetime
from numbers import Integral

import numpy as np

from crypto_assets.errors import WrongUse
from crypto_assets.market.utc_time import day_start_ms, to_epoch_ms

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# The lengths of 2025, 202501, 20250131, epoch seconds or 2025013112, 202501311200 and
# 20250131120030. Epoch ms have 13 digits from 2001 to 2286.
_AMBIGUOUS_DIGITS = {4, 6, 8, 10, 12, 14}


def parse_instant(given: str | int | date | np.integer | np.datetime64) -> int:
    """Parse `2025-01-31T12:00:30Z`, `2025-01-31` or `1738324830000` to epoch ms.

    A `datetime` without a time zone is UTC, as numpy's are; a `date` is its first instant. Raises
    WrongUse.
    """
    try:
        found = _convert_instant(given)
    except (TypeError, ValueError):
        raise WrongUse(
            f"{_shorten_repr(given)} is not an instant: write 2025-01-31T12:00:30Z, 2025-01-31 "
            "or epoch milliseconds"
        ) from None
    if is_ambiguous_number(given):
        raise WrongUse(
            f"{_shorten_repr(given)} may be a date, seconds or milliseconds: write "
            "2025-01-31T12:00:30Z, 2025-01-31 or epoch milliseconds of 13 digits"
        )
    return found


def is_ambiguous_number(given: object) -> bool:
    """Return whether a number could be a date as well as epoch seconds or milliseconds."""
    if isinstance(given, Integral) and not isinstance(given, bool):
        given = str(int(given))
    if not isinstance(given, str):
        return False
    text = given.strip()
    return text.isdecimal() and len(text) in _AMBIGUOUS_DIGITS


def parse_day(text: str) -> date:
    """Parse a day written as `2025-01-31`. Raises WrongUse."""
    try:
        if _DAY.fullmatch(text.strip()):
            return date.fromisoformat(text.strip())
    except ValueError:
        pass
    raise WrongUse(f"{_shorten_repr(text)} is not a day: write it as 2025-01-31")


def _shorten_repr(given: object) -> str:
    return repr(given) if len(repr(given)) <= 100 else f"{repr(given)[:100]}…"


def _convert_instant(given: object) -> int:
    """Raises ValueError or TypeError if it is not an instant, as NaT, a float, True or None."""
    if isinstance(given, Integral) and not isinstance(given, bool):
        return int(given)
    if isinstance(given, np.datetime64) and not np.isnat(given):
        return int(given.astype("datetime64[ms]").astype(np.int64))
    if isinstance(given, datetime):
        return to_epoch_ms(given if given.tzinfo else given.replace(tzinfo=UTC))
    if isinstance(given, date):
        return day_start_ms(given)
    if not isinstance(given, str):
        raise TypeError(type(given).__name__)
    text = given.strip()
    return int(text) if text.isdecimal() else _convert_instant(datetime.fromisoformat(text))
