"""Asset specs: description, group, kinds and columns of each asset."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from crypto_assets.defs.assets.columns import (
    BOOK_COLUMNS,
    CANDLE_COLUMNS,
    PERIOD_COLUMNS,
    RAW_COLUMNS,
    build_column_lineage,
)
from crypto_assets.defs.metadata import runbook_link
from crypto_assets.pipeline.stages.results import KlinesStage, OrderBookStage
from crypto_assets.settings import get_settings

_LAKE_KINDS = {"s3" if get_settings().lake_raw_url.startswith("s3:") else "file", "json"}
_WAREHOUSE_KINDS = {"sqlite" if get_settings().is_embedded else "mysql", "table"}


def build_asset_spec(
    name: str,
    description: str,
    columns: Sequence[dg.TableColumn],
    *,
    group: str,
    layer: str,
    upstream: dg.AssetSpec | None = None,
) -> dg.AssetSpec:
    """Build the spec of one asset; skippable, since its materializations are logged per key."""
    in_lake = layer == "lake"
    location: dict[str, Any] = (
        {"dagster/uri": get_settings().lake_raw_url} if in_lake else {"dagster/table_name": name}
    )
    return dg.AssetSpec(
        name,
        deps=[upstream] if upstream else [],
        description=description,
        group_name=group,
        kinds=_LAKE_KINDS if in_lake else _WAREHOUSE_KINDS,
        tags={"layer": layer, "cadence": "live"},
        metadata={
            "dagster/column_schema": dg.TableSchema(columns=columns),
            **build_column_lineage(columns, upstream),
            **location,
            "runbook": runbook_link(),
        },
        skippable=True,
    )


RAW_KLINES = build_asset_spec(
    "raw_klines",
    "Minute candles as received from the exchange: JSON objects in the lake, each of one UTC day.",
    RAW_COLUMNS,
    group="raw",
    layer="lake",
)
FACT_KLINES = build_asset_spec(
    "fact_klines",
    "Deduplicated minute candles in the table `fact_klines`.",
    CANDLE_COLUMNS,
    group="facts",
    layer="warehouse",
    upstream=RAW_KLINES,
)
HOURLY_KLINES = build_asset_spec(
    "hourly_klines",
    "Candles of closed hours in the table `hourly_klines`, aggregated by the exchange's rule.",
    PERIOD_COLUMNS,
    group="aggregates",
    layer="warehouse",
    upstream=FACT_KLINES,
)
DAILY_KLINES = build_asset_spec(
    "daily_klines",
    "Candles of closed UTC days in the table `daily_klines`, aggregated by the exchange's rule.",
    PERIOD_COLUMNS,
    group="aggregates",
    layer="warehouse",
    upstream=HOURLY_KLINES,
)
RAW_ORDER_BOOK = build_asset_spec(
    "raw_order_book",
    "Order-book snapshots as received from the exchange: JSON objects in the lake.",
    [],
    group="raw",
    layer="lake",
)
FACT_ORDER_BOOK = build_asset_spec(
    "fact_order_book",
    "Price levels of each snapshot in `fact_order_book`, its statistics in `order_book_snapshots`.",
    BOOK_COLUMNS,
    group="facts",
    layer="warehouse",
    upstream=RAW_ORDER_BOOK,
)

# The ops of the two multi-assets, which take the run config.
KLINES_OP = "bring_klines"
ORDER_BOOKS_OP = "capture_books"  # not `order_books`, since a job has that name
KLINES_SELECTION = dg.AssetSelection.assets(*(stage.value for stage in KlinesStage))
ORDER_BOOKS_SELECTION = dg.AssetSelection.assets(*(stage.value for stage in OrderBookStage))
