"""What a fault is, and short ways to write the rules of the simulated exchange's script."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

KLINES = "/api/v3/klines"
TIME = "/api/v3/time"
ZIP = "*.zip"
PAST = "2025-03-05"  # the day of the archive; today is 2025-03-06
REST_TODAY = {"path": KLINES, "day": "2025-03-06"}


AGAIN = "asked again, with backoff and jitter"
REFUSED = "fails at once and says what to do; nothing is retried"
BY_REST = "the file is refused and set aside; the day comes over REST"


class During(StrEnum):
    BACKFILL = "backfill"
    TICK = "tick"
    CLOSING = "closing"


class End(StrEnum):
    """How the run ends in which the fault strikes."""

    WHOLE = "good, with every candle"
    OPEN = "good; what is missing comes with the next tick, or the gap's retry"
    FAILED = "failed, naming the day; good when it has passed"


@dataclass(frozen=True)
class Fault:
    """`rules` of a fault script; `handled` says for people what becomes of it.

    `lasts` marks a change of the market, which does not pass; `aside` is how many rows and files
    end in quarantine, `says` what the run tells about it, `ledger` and `revisions` what stands in
    the records for good.
    """

    name: str
    rules: tuple[Mapping[str, Any], ...]
    handled: str
    during: During = During.BACKFILL
    end: End = End.WHOLE
    lasts: bool = False
    aside: int = 0
    says: str = ""
    ledger: tuple[str, ...] = ()
    revisions: int = 0


def answer(do: str, **more: Any) -> dict[str, Any]:
    return {"do": do, **more}


def twice(do: str, **more: Any) -> tuple[dict[str, Any], ...]:
    """The first two answers of candles of today."""
    return (answer(do, **REST_TODAY, nth=[1, 2], **more),)


def spoiled(how: str, nth: Any = 1) -> tuple[dict[str, Any], ...]:
    return (answer("spoil", how=how, **REST_TODAY, nth=nth),)


def file_(how: str, **more: Any) -> tuple[dict[str, Any], ...]:
    return (answer("archive", how=how, day=PAST, **more),)


def stretch(do: str, start: str, end: str, **more: Any) -> tuple[dict[str, Any], ...]:
    return (answer(do, start=start, end=end, **more),)
