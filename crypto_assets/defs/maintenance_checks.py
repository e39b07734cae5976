"""Dagster's own checks of a changed column and of figures out of bounds.

They compare the newest materializations of an asset, whatever their partitions, of which one tick
writes as many as there are symbols. Therefore they check the maintenance assets, which have no
partitions, in the runs of the jobs `maintenance` and `thin_history`, and cost a tick nothing: with
its columns in each materialization, as the first check requires, a tick of 20 symbols would write
215 KB more. The checks of `checks.py` are per partition.
"""

import warnings

import dagster as dg

from crypto_assets.defs.markets import DEFAULT_MARKET, MarketSpec
from crypto_assets.market.utc_time import MINUTES_PER_DAY

# A day of one symbol.
_MAX_MISSING_MINUTES = MINUTES_PER_DAY
# Ten times the size of a year of twenty symbols.
_MAX_HOME_BYTES = 5_000_000_000


def build_table_checks(market: MarketSpec) -> list[dg.AssetChecksDefinition]:
    """Build the checks of a market's tables; one that fails is a warning and fails no run."""
    tables = market.asset_key("warehouse_tables")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return [
            *dg.build_column_schema_change_checks(assets=[tables]),
            *dg.build_metadata_bounds_checks(
                assets=[tables], metadata_key="missing_minutes", max_value=_MAX_MISSING_MINUTES
            ),
        ]


def _build_home_size_checks() -> list[dg.AssetChecksDefinition]:
    """Build the check of the size of Dagster's home."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return list(
            dg.build_metadata_bounds_checks(
                assets=["dagster_history"], metadata_key="home_bytes", max_value=_MAX_HOME_BYTES
            )
        )


MAINTENANCE_CHECKS = [*build_table_checks(DEFAULT_MARKET), *_build_home_size_checks()]
