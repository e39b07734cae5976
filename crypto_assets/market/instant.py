"""Instants as a person writes them: ISO 8601, UTC unless it says otherwise, or epoch ms."""

from datetime import UTC, date, datetime
from numbers import Integral

import numpy as np

from crypto_assets.errors import WrongUse
from crypto_assets.market.clock import day_start_ms, to_ms


def instant_ms(given: str | int | date | np.integer | np.datetime64) -> int:
    """Epoch ms of `2025-01-31T12:00:30Z`, `2025-01-31` or `1738324830000`. Raises WrongUse.

    A `datetime` without a time zone is UTC too, as numpy's are; a `date` is its first instant.
    """
    try:
        return _read(given)
    except (TypeError, ValueError):
        shown = repr(given) if len(repr(given)) <= 100 else f"{repr(given)[:100]}…"
        raise WrongUse(
            f"{shown} is no instant: write 2025-01-31T12:00:30Z, 2025-01-31 or epoch milliseconds"
        ) from None


def _read(given: object) -> int:
    """Raises ValueError and TypeError where it is none: NaT, a float, True and None are not."""
    if isinstance(given, Integral) and not isinstance(given, bool):
        return int(given)
    if isinstance(given, np.datetime64) and not np.isnat(given):
        return int(given.astype("datetime64[ms]").astype(np.int64))
    if isinstance(given, datetime):
        return to_ms(given if given.tzinfo else given.replace(tzinfo=UTC))
    if isinstance(given, date):
        return day_start_ms(given)
    if not isinstance(given, str):
        raise TypeError(type(given).__name__)
    text = given.strip()
    return int(text) if text.isdecimal() else _read(datetime.fromisoformat(text))
