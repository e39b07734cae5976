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


def parse_instant(value: str | int | date | np.integer | np.datetime64) -> int:
    """Parse `2025-01-31T12:00:30Z`, `2025-01-31` or `1738324830000` to epoch ms.

    A `datetime` without a time zone is UTC, as numpy's are; a `date` is its first instant. Raises
    WrongUse.
    """
    try:
        epoch_ms = _convert_instant(value)
    except (TypeError, ValueError):
        raise WrongUse(
            f"{_shorten_repr(value)} is not an instant: write 2025-01-31T12:00:30Z, 2025-01-31 "
            "or epoch milliseconds"
        ) from None
    if is_ambiguous_number(value):
        raise WrongUse(
            f"{_shorten_repr(value)} may be a date, seconds or milliseconds: write "
            "2025-01-31T12:00:30Z, 2025-01-31 or epoch milliseconds of 13 digits"
        )
    return epoch_ms


def is_ambiguous_number(value: object) -> bool:
    """Return whether a number could be a date as well as epoch seconds or milliseconds."""
    if isinstance(value, Integral) and not isinstance(value, bool):
        value = str(int(value))
    if not isinstance(value, str):
        return False
    text = value.strip()
    return text.isdecimal() and len(text) in _AMBIGUOUS_DIGITS


def parse_day(text: str) -> date:
    """Parse a day written as `2025-01-31`. Raises WrongUse."""
    try:
        if _DAY.fullmatch(text.strip()):
            return date.fromisoformat(text.strip())
    except ValueError:
        pass
    raise WrongUse(f"{_shorten_repr(text)} is not a day: write it as 2025-01-31")


def _shorten_repr(value: object) -> str:
    return repr(value) if len(repr(value)) <= 100 else f"{repr(value)[:100]}…"


def _convert_instant(value: object) -> int:
    """Raises ValueError or TypeError if it is not an instant, as NaT, a float, True or None."""
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, np.datetime64) and not np.isnat(value):
        return int(value.astype("datetime64[ms]").astype(np.int64))
    if isinstance(value, datetime):
        return to_epoch_ms(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, date):
        return day_start_ms(value)
    if not isinstance(value, str):
        raise TypeError(type(value).__name__)
    text = value.strip()
    return int(text) if text.isdecimal() else _convert_instant(datetime.fromisoformat(text))
