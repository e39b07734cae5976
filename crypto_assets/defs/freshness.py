"""How old the newest materialisation of an asset may be before its page turns yellow, then red.

A policy judges an asset, not a partition: one live symbol hides nineteen silent ones, whom the
sensor `stale_symbols` notices.
"""

from datetime import timedelta

import dagster as dg

from crypto_assets.settings import get_settings

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


def _late(warn: timedelta, fail: timedelta) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn)


def _patience(interval_minutes: int) -> timedelta:
    """Three late ticks; a daemon that restarts takes some minutes."""
    return max(3 * interval_minutes * _MINUTE, 15 * _MINUTE)


_INGEST = _patience(get_settings().ingest_interval_minutes)
_BOOKS = _patience(get_settings().order_book_interval_minutes)

MINUTES = _late(_INGEST, 2 * _INGEST)
BOOKS = _late(_BOOKS, 2 * _BOOKS)
# An hour and a day close once, and the tick after that brings them.
HOURS = _late(_HOUR + _INGEST, 2 * (_HOUR + _INGEST))
DAYS = _late(25 * _HOUR, 26 * _HOUR)
NIGHTLY = _late(25 * _HOUR, 49 * _HOUR)
HOURLY = _late(2 * _HOUR, 6 * _HOUR)
