"""Instants as a person writes them: ISO 8601, UTC unless it says otherwise, or epoch ms."""

from datetime import UTC, datetime

from crypto_assets.errors import WrongUse
from crypto_assets.market.clock import to_ms


def instant_ms(text: str | int) -> int:
    """Epoch ms of `2025-01-31T12:00:30Z`, `2025-01-31` or `1738324830000`. Raises WrongUse."""
    if isinstance(text, int):
        return text
    if text.strip().isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise WrongUse(
            f"{text!r} is no instant: write 2025-01-31T12:00:30Z, 2025-01-31 or epoch milliseconds"
        ) from None
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
