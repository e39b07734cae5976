"""How old the newest materialization of an asset may be before Dagster warns, then fails it.

A policy covers an asset, not a partition: one live symbol hides the stale ones, which the sensor
`stale_symbols` reports. Dagster takes policies when it loads the definitions, so these follow the
intervals that are in force then: after a change in the app, reload the code location.
"""

from contextlib import closing, suppress
from datetime import timedelta
from threading import Thread

import dagster as dg

from crypto_assets.dagster_ext.definitions_load import is_loaded_for_run
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.staleness import StalenessPolicy
from crypto_assets.pipeline.stages.results import KlinesStage, OrderBookStage
from crypto_assets.settings import Settings
from crypto_assets.wiring import open_warehouse

_HOUR = timedelta(hours=1)
_READ_SECONDS = 3


def _build_policy(warn: timedelta, fail: timedelta) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn)


def _read_intervals(settings: Settings) -> tuple[int, int]:
    """Return the ingest and order book intervals in force, in minutes.

    Returns those of the environment in a run, which needs no policies and must not wait for the
    warehouse of another market; also if the warehouse cannot be read, as before `init`, or does not
    respond within some seconds: a database that is down must not delay the loading of definitions.
    """
    defaults = settings.ingest_interval_minutes, settings.order_book_interval_minutes
    if is_loaded_for_run():
        return defaults
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


def build_freshness_policies(settings: Settings) -> dict[str, dg.FreshnessPolicy]:
    """Build the policy of each of a market's assets, by name, from the intervals in force."""
    ingest, order_books = map(_tolerance, _read_intervals(settings))
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
