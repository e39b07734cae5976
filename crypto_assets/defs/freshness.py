"""How old the newest materialisation of an asset may be before its page turns yellow, then red.

A policy judges an asset, not a partition: one live symbol hides nineteen silent ones, whom the
sensor `stale_symbols` notices.
"""

from datetime import timedelta

import dagster as dg

from crypto_assets.settings import get_settings

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


def _build_policy(warn: timedelta, fail: timedelta) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn)


def _tick_tolerance(interval_minutes: int) -> timedelta:
    """Three late ticks; a daemon that restarts takes some minutes."""
    return max(3 * interval_minutes * _MINUTE, 15 * _MINUTE)


_INGEST_TOLERANCE = _tick_tolerance(get_settings().ingest_interval_minutes)
_ORDER_BOOK_TOLERANCE = _tick_tolerance(get_settings().order_book_interval_minutes)

MINUTE_CANDLES_FRESHNESS = _build_policy(_INGEST_TOLERANCE, 2 * _INGEST_TOLERANCE)
ORDER_BOOKS_FRESHNESS = _build_policy(_ORDER_BOOK_TOLERANCE, 2 * _ORDER_BOOK_TOLERANCE)
# An hour and a day close once, and the tick after that brings them.
HOURLY_CANDLES_FRESHNESS = _build_policy(_HOUR + _INGEST_TOLERANCE, 2 * (_HOUR + _INGEST_TOLERANCE))
DAILY_CANDLES_FRESHNESS = _build_policy(25 * _HOUR, 26 * _HOUR)
NIGHTLY_TASK_FRESHNESS = _build_policy(25 * _HOUR, 49 * _HOUR)
HOURLY_TASK_FRESHNESS = _build_policy(2 * _HOUR, 6 * _HOUR)
