"""How old the newest materialization of an asset may be before Dagster warns, then fails it.

A policy covers an asset, not a partition: one live symbol hides the stale ones, which the sensor
`stale_symbols` reports. Dagster takes policies when it loads the definitions, so these follow the
intervals that are in force then: after a change in the app, reload the code location.
"""

from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread

import dagster as dg

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.staleness import StalenessPolicy
from crypto_assets.settings import Settings
from crypto_assets.wiring import open_warehouse

_HOUR = timedelta(hours=1)
_READ_SECONDS = 3


def _build_policy(warn: timedelta, fail: timedelta) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn)


def _read_intervals(settings: Settings) -> tuple[int, int]:
    """Return the ingest and order book intervals in force, in minutes.

    Returns those of the environment if the warehouse cannot be read, as before `init`, or does not
    respond within some seconds: a database that is down must not delay the loading of definitions.
    """
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


@dataclass(frozen=True)
class MarketFreshness:
    """The freshness policies of a market's assets, by the last part of their keys."""

    policies: Mapping[str, dg.FreshnessPolicy]

    def add_policy(self, spec: dg.AssetSpec) -> dg.AssetSpec:
        """Add the policy of an asset that has none; a new asset without one here stays without."""
        policy = self.policies.get(spec.key.path[-1])
        if policy is None:
            return spec
        fresh: dg.AssetSpec = dg.apply_freshness_policy(spec, policy, overwrite_existing=False)
        return fresh


def build_market_freshness(settings: Settings) -> MarketFreshness:
    """Build the policies from the intervals that are in force."""
    ingest, order_books = map(_tolerance, _read_intervals(settings))
    minutes = _build_policy(ingest, 2 * ingest)
    books = _build_policy(order_books, 2 * order_books)
    nightly = _build_policy(25 * _HOUR, 49 * _HOUR)
    return MarketFreshness(
        {
            "raw_klines": minutes,
            "fact_klines": minutes,
            # The first tick after an hour or a day has closed stores its candle.
            "hourly_klines": _build_policy(_HOUR + ingest, 2 * (_HOUR + ingest)),
            "daily_klines": _build_policy(25 * _HOUR, 26 * _HOUR),
            "raw_order_book": books,
            "fact_order_book": books,
            "retention": nightly,
            "warehouse_tables": nightly,
            "dagster_history": _build_policy(2 * _HOUR, 6 * _HOUR),
        }
    )
