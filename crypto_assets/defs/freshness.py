"""How old the newest materialization of an asset may be before Dagster warns, then fails it.

A policy covers an asset, not a partition: one live symbol hides the stale ones, which the sensor
`stale_symbols` reports. Dagster takes policies when it loads the definitions, so these follow the
intervals that are in force then: after a change in the app, reload the code location.
"""

from datetime import timedelta

import dagster as dg

from crypto_assets.defs.stored_values import StoredValues
from crypto_assets.market.staleness import StalenessPolicy
from crypto_assets.pipeline.stages.results import KlinesStage, OrderBookStage

_HOUR = timedelta(hours=1)


def _build_policy(warn: timedelta, fail: timedelta) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn)


def _tolerance(interval_minutes: int) -> timedelta:
    return timedelta(milliseconds=StalenessPolicy(interval_minutes).tolerance_ms)


def build_freshness_policies(stored: StoredValues) -> dict[str, dg.FreshnessPolicy]:
    """Build the policy of each of a market's assets, by name, from the intervals in force."""
    ingest = _tolerance(stored.ingest_minutes)
    order_books = _tolerance(stored.order_book_minutes)
    minute_candles = _build_policy(ingest, 2 * ingest)
    snapshots = _build_policy(order_books, 2 * order_books)
    nightly_task = _build_policy(25 * _HOUR, 49 * _HOUR)
    return {
        KlinesStage.RAW: minute_candles,
        KlinesStage.FACTS: minute_candles,
        # The first tick after an hour or a day has closed stores its candle.
        KlinesStage.HOURS: _build_policy(_HOUR + ingest, 2 * (_HOUR + ingest)),
        KlinesStage.DAYS: _build_policy(25 * _HOUR, 26 * _HOUR),
        OrderBookStage.RAW: snapshots,
        OrderBookStage.FACTS: snapshots,
        "retention": nightly_task,
        "warehouse_tables": nightly_task,
        "dagster_history": _build_policy(2 * _HOUR, 6 * _HOUR),
    }
