"""A fault, and helpers to write the rules of the simulated exchange's script."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

KLINES = "/api/v3/klines"
TIME = "/api/v3/time"
ZIP = "*.zip"
PAST = "2025-03-05"  # the day of the archive; today is 2025-03-06
REST_TODAY = {"path": KLINES, "day": "2025-03-06"}

AGAIN = "retried, with backoff and jitter"
REFUSED = "fails at once, with an error that says what to do; no retries"
BY_REST = "the file is refused and quarantined; the day is fetched over REST"


class During(StrEnum):
    BACKFILL = "backfill"
    TICK = "tick"
    CLOSING = "closing"


class End(StrEnum):
    """How the run with the fault ends."""

    WHOLE = "succeeds, with every candle"
    OPEN = "succeeds; the next tick or gap retry fetches what is missing"
    FAILED = "fails and names the day; succeeds once the fault has passed"


@dataclass(frozen=True)
class Fault:
    """A fault: its script's `rules`, and a description of how it is `handled`.

    `lasts` marks a change of the market, which does not pass. `quarantined` counts the rows and
    files in quarantine, `message` is a part of an outcome's error or note, `ledger` lists the
    classes of the remaining gaps, and `revisions` counts the recorded revisions.
    """

    name: str
    rules: tuple[Mapping[str, Any], ...]
    handled: str
    during: During = During.BACKFILL
    end: End = End.WHOLE
    lasts: bool = False
    quarantined: int = 0
    message: str = ""
    ledger: tuple[str, ...] = ()
    revisions: int = 0


def answer(do: str, **more: Any) -> dict[str, Any]:
    return {"do": do, **more}


def twice(do: str, **more: Any) -> tuple[dict[str, Any], ...]:
    """A rule for the first two responses with today's candles."""
    return (answer(do, **REST_TODAY, nth=[1, 2], **more),)


def spoiled(how: str, nth: Any = 1) -> tuple[dict[str, Any], ...]:
    return (answer("spoil", how=how, **REST_TODAY, nth=nth),)


def file_(how: str, **more: Any) -> tuple[dict[str, Any], ...]:
    return (answer("archive", how=how, day=PAST, **more),)


def window(do: str, start: str, end: str, **more: Any) -> tuple[dict[str, Any], ...]:
    return (answer(do, start=start, end=end, **more),)
