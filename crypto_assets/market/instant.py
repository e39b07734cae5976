"""Instants as a person writes them: ISO 8601, UTC unless it says otherwise, or epoch ms."""

from datetime import UTC, date, datetime

from crypto_assets.errors import WrongUse
from crypto_assets.market.clock import day_start_ms, to_ms


def instant_ms(given: str | int | date) -> int:
    """Epoch ms of `2025-01-31T12:00:30Z`, `2025-01-31` or `1738324830000`. Raises WrongUse.

    A `datetime` without a time zone is UTC too; a `date` is its first instant.
    """
    if isinstance(given, int):
        return given
    if isinstance(given, date):
        return _moment_ms(given) if isinstance(given, datetime) else day_start_ms(given)
    if given.strip().isdecimal():
        return int(given)
    try:
        return _moment_ms(datetime.fromisoformat(given.strip()))
    except ValueError:
        raise WrongUse(
            f"{given!r} is no instant: write 2025-01-31T12:00:30Z, 2025-01-31 or epoch milliseconds"
        ) from None


def _moment_ms(moment: datetime) -> int:
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
