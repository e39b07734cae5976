"""How old the newest materialization of an asset may be before Dagster warns, then fails it.

A policy covers an asset, not a partition: one live symbol hides the stale ones, which the sensor
`stale_symbols` reports. Dagster takes policies when it loads the definitions, so these follow the
intervals that are in force then: after a change in the app, reload the code location.
"""

from contextlib import closing
from datetime import timedelta

import dagster as dg

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.staleness import StalenessPolicy
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_warehouse

_HOUR = timedelta(hours=1)


def _build_policy(warn: timedelta, fail: timedelta) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn)


def _read_intervals() -> tuple[int, int]:
    """Return the ingest and order book intervals in force, in minutes.

    Where the warehouse cannot be read, as before `init`, those of the environment.
    """
    chosen = get_settings()
    ingest, order_books = chosen.ingest_interval_minutes, chosen.order_book_interval_minutes
    try:
        with closing(open_warehouse(chosen)) as warehouse:
            settings = warehouse.app_settings
            return (
                settings.get_ingest_interval(ingest),
                settings.get_order_book_interval(order_books),
            )
    except CryptoAssetsError:
        return ingest, order_books


def _tolerance(interval_minutes: int) -> timedelta:
    return timedelta(milliseconds=StalenessPolicy(interval_minutes).tolerance_ms)


_INGEST_TOLERANCE, _ORDER_BOOK_TOLERANCE = map(_tolerance, _read_intervals())

MINUTE_CANDLES_FRESHNESS = _build_policy(_INGEST_TOLERANCE, 2 * _INGEST_TOLERANCE)
ORDER_BOOKS_FRESHNESS = _build_policy(_ORDER_BOOK_TOLERANCE, 2 * _ORDER_BOOK_TOLERANCE)
# The first tick after an hour or a day has closed stores its candle.
HOURLY_CANDLES_FRESHNESS = _build_policy(_HOUR + _INGEST_TOLERANCE, 2 * (_HOUR + _INGEST_TOLERANCE))
DAILY_CANDLES_FRESHNESS = _build_policy(25 * _HOUR, 26 * _HOUR)
NIGHTLY_TASK_FRESHNESS = _build_policy(25 * _HOUR, 49 * _HOUR)
HOURLY_TASK_FRESHNESS = _build_policy(2 * _HOUR, 6 * _HOUR)
