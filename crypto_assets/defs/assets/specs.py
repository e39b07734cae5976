"""What Dagster's pages show of each asset: description, group, kinds, owners, columns."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from crypto_assets.defs import freshness
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

ASSET_OWNERS = ["team:market-data"]
_LAKE_KINDS = {"s3" if get_settings().lake_raw_url.startswith("s3:") else "file", "json"}
_WAREHOUSE_KINDS = {"sqlite" if get_settings().is_embedded else "mysql", "table"}


def build_asset_spec(
    name: str,
    description: str,
    columns: Sequence[dg.TableColumn],
    fresh: dg.FreshnessPolicy,
    *,
    group: str,
    layer: str,
    upstream: dg.AssetSpec | None = None,
) -> dg.AssetSpec:
    """One asset; skippable, since its materialisations are logged key by key."""
    in_lake = layer == "lake"
    where: dict[str, Any] = (
        {"dagster/uri": get_settings().lake_raw_url} if in_lake else {"dagster/table_name": name}
    )
    return dg.AssetSpec(
        name,
        deps=[upstream] if upstream else [],
        description=description,
        group_name=group,
        kinds=_LAKE_KINDS if in_lake else _WAREHOUSE_KINDS,
        owners=ASSET_OWNERS,
        tags={"layer": layer, "cadence": "live"},
        freshness_policy=fresh,
        metadata={
            "dagster/column_schema": dg.TableSchema(columns=columns),
            **build_column_lineage(columns, upstream),
            **where,
            "runbook": runbook_link(),
        },
        skippable=True,
    )


RAW_KLINES = build_asset_spec(
    "raw_klines",
    "Minute candles as the exchange sent them: JSON objects in the lake, one UTC day each at most.",
    RAW_COLUMNS,
    freshness.MINUTE_CANDLES_FRESHNESS,
    group="raw",
    layer="lake",
)
FACT_KLINES = build_asset_spec(
    "fact_klines",
    "Minute candles, each exactly once, in the table `fact_klines`.",
    CANDLE_COLUMNS,
    freshness.MINUTE_CANDLES_FRESHNESS,
    group="facts",
    layer="warehouse",
    upstream=RAW_KLINES,
)
HOURLY_KLINES = build_asset_spec(
    "hourly_klines",
    "Closed hours by the exchange's own rule, in the table `hourly_klines`.",
    PERIOD_COLUMNS,
    freshness.HOURLY_CANDLES_FRESHNESS,
    group="aggregates",
    layer="warehouse",
    upstream=FACT_KLINES,
)
DAILY_KLINES = build_asset_spec(
    "daily_klines",
    "Closed UTC days by the exchange's own rule, in the table `daily_klines`.",
    PERIOD_COLUMNS,
    freshness.DAILY_CANDLES_FRESHNESS,
    group="aggregates",
    layer="warehouse",
    upstream=HOURLY_KLINES,
)
RAW_ORDER_BOOK = build_asset_spec(
    "raw_order_book",
    "Order-book snapshots as the exchange sent them: JSON objects in the lake.",
    [],
    freshness.ORDER_BOOKS_FRESHNESS,
    group="raw",
    layer="lake",
)
FACT_ORDER_BOOK = build_asset_spec(
    "fact_order_book",
    "Levels of each snapshot in `fact_order_book`, its figures in `order_book_snapshots`.",
    BOOK_COLUMNS,
    freshness.ORDER_BOOKS_FRESHNESS,
    group="facts",
    layer="warehouse",
    upstream=RAW_ORDER_BOOK,
)

KLINES_SELECTION = dg.AssetSelection.assets(*(stage.value for stage in KlinesStage))
ORDER_BOOKS_SELECTION = dg.AssetSelection.assets(*(stage.value for stage in OrderBookStage))
