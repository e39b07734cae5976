"""Freshness policies: the age of an asset's newest materialization that warns, and that fails.

A policy applies to the whole asset, so that one live symbol hides stale ones. The sensor
`stale_symbols` detects those.
"""

from datetime import timedelta

import dagster as dg

from crypto_assets.settings import get_settings

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


def _build_policy(warn: timedelta, fail: timedelta) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn)


def _tick_tolerance(interval_minutes: int) -> timedelta:
    """Return three intervals, and at least the minutes that a restart of the daemon takes."""
    return max(3 * interval_minutes * _MINUTE, 15 * _MINUTE)


_INGEST_TOLERANCE = _tick_tolerance(get_settings().ingest_interval_minutes)
_ORDER_BOOK_TOLERANCE = _tick_tolerance(get_settings().order_book_interval_minutes)

MINUTE_CANDLES_FRESHNESS = _build_policy(_INGEST_TOLERANCE, 2 * _INGEST_TOLERANCE)
ORDER_BOOKS_FRESHNESS = _build_policy(_ORDER_BOOK_TOLERANCE, 2 * _ORDER_BOOK_TOLERANCE)
# The first tick after an hour or a day has closed stores its candle.
HOURLY_CANDLES_FRESHNESS = _build_policy(_HOUR + _INGEST_TOLERANCE, 2 * (_HOUR + _INGEST_TOLERANCE))
DAILY_CANDLES_FRESHNESS = _build_policy(25 * _HOUR, 26 * _HOUR)
NIGHTLY_TASK_FRESHNESS = _build_policy(25 * _HOUR, 49 * _HOUR)
HOURLY_TASK_FRESHNESS = _build_policy(2 * _HOUR, 6 * _HOUR)
