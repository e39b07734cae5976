"""How old the newest materialization of an asset may be before Dagster warns, then fails it.

A policy covers an asset, not a partition: one live symbol hides the stale ones, which the sensor
`stale_symbols` reports. Dagster takes policies when it loads the definitions, so these follow the
intervals that are in force then: after a change in the app, reload the code location.
"""

from contextlib import closing, suppress
from datetime import timedelta
from threading import Thread

import dagster as dg

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.staleness import StalenessPolicy
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_warehouse

_HOUR = timedelta(hours=1)
_READ_SECONDS = 3


def _build_policy(warn: timedelta, fail: timedelta) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn)


def _read_intervals() -> tuple[int, int]:
    """Return the ingest and order book intervals in force, in minutes.

    Returns those of the environment if the warehouse cannot be read, as before `init`, or does not
    respond within some seconds: a database that is down must not delay the loading of definitions.
    """
    settings = get_settings()
    defaults = settings.ingest_interval_minutes, settings.order_book_interval_minutes
    intervals = [defaults]

    def read() -> None:
        with (
            suppress(CryptoAssetsError, TypeError, ValueError),
            closing(open_warehouse(settings)) as warehouse,
        ):
            stored = warehouse.app_settings
            intervals.append(
                (
                    stored.get_ingest_interval(defaults[0]),
                    stored.get_order_book_interval(defaults[1]),
                )
            )

    reader = Thread(target=read, daemon=True)
    reader.start()
    reader.join(_READ_SECONDS)
    return intervals[-1]


def _tolerance(interval_minutes: int) -> timedelta:
    return timedelta(milliseconds=StalenessPolicy(interval_minutes).tolerance_ms)


_INGEST_TOLERANCE, _ORDER_BOOK_TOLERANCE = map(_tolerance, _read_intervals())

_MINUTE_CANDLES = _build_policy(_INGEST_TOLERANCE, 2 * _INGEST_TOLERANCE)
_ORDER_BOOKS = _build_policy(_ORDER_BOOK_TOLERANCE, 2 * _ORDER_BOOK_TOLERANCE)
# The first tick after an hour or a day has closed stores its candle.
_HOURLY_CANDLES = _build_policy(_HOUR + _INGEST_TOLERANCE, 2 * (_HOUR + _INGEST_TOLERANCE))
_DAILY_CANDLES = _build_policy(25 * _HOUR, 26 * _HOUR)
_NIGHTLY_TASK = _build_policy(25 * _HOUR, 49 * _HOUR)
_HOURLY_TASK = _build_policy(2 * _HOUR, 6 * _HOUR)

# By the last part of an asset's key.
_POLICIES = {
    "raw_klines": _MINUTE_CANDLES,
    "fact_klines": _MINUTE_CANDLES,
    "hourly_klines": _HOURLY_CANDLES,
    "daily_klines": _DAILY_CANDLES,
    "raw_order_book": _ORDER_BOOKS,
    "fact_order_book": _ORDER_BOOKS,
    "retention": _NIGHTLY_TASK,
    "warehouse_tables": _NIGHTLY_TASK,
    "dagster_history": _HOURLY_TASK,
}


def add_freshness_policy(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Add the policy of an asset that has none; a new asset without one here stays without."""
    policy = _POLICIES.get(spec.key.path[-1])
    if policy is None:
        return spec
    fresh: dg.AssetSpec = dg.apply_freshness_policy(spec, policy, overwrite_existing=False)
    return fresh
