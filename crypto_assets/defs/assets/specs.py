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
    lineage,
)
from crypto_assets.defs.metadata import runbook_link
from crypto_assets.pipeline.stages.results import BookStage, Stage
from crypto_assets.settings import get_settings

OWNERS = ["team:market-data"]
_LAKE = {"s3" if get_settings().lake_raw_url.startswith("s3:") else "file", "json"}
_WAREHOUSE = {"sqlite" if get_settings().is_embedded else "mysql", "table"}


def spec(
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
        kinds=_LAKE if in_lake else _WAREHOUSE,
        owners=OWNERS,
        tags={"layer": layer, "cadence": "live"},
        freshness_policy=fresh,
        metadata={
            "dagster/column_schema": dg.TableSchema(columns=columns),
            **lineage(columns, upstream),
            **where,
            "runbook": runbook_link(),
        },
        skippable=True,
    )


RAW_KLINES = spec(
    "raw_klines",
    "Minute candles as the exchange sent them: JSON objects in the lake, one UTC day each at most.",
    RAW_COLUMNS,
    freshness.MINUTES,
    group="raw",
    layer="lake",
)
FACT_KLINES = spec(
    "fact_klines",
    "Minute candles, each exactly once, in the table `fact_klines`.",
    CANDLE_COLUMNS,
    freshness.MINUTES,
    group="facts",
    layer="warehouse",
    upstream=RAW_KLINES,
)
HOURLY_KLINES = spec(
    "hourly_klines",
    "Closed hours by the exchange's own rule, in the table `hourly_klines`.",
    PERIOD_COLUMNS,
    freshness.HOURS,
    group="aggregates",
    layer="warehouse",
    upstream=FACT_KLINES,
)
DAILY_KLINES = spec(
    "daily_klines",
    "Closed UTC days by the exchange's own rule, in the table `daily_klines`.",
    PERIOD_COLUMNS,
    freshness.DAYS,
    group="aggregates",
    layer="warehouse",
    upstream=HOURLY_KLINES,
)
RAW_ORDER_BOOK = spec(
    "raw_order_book",
    "Order-book snapshots as the exchange sent them: JSON objects in the lake.",
    [],
    freshness.BOOKS,
    group="raw",
    layer="lake",
)
FACT_ORDER_BOOK = spec(
    "fact_order_book",
    "Levels of each snapshot in `fact_order_book`, its figures in `order_book_snapshots`.",
    BOOK_COLUMNS,
    freshness.BOOKS,
    group="facts",
    layer="warehouse",
    upstream=RAW_ORDER_BOOK,
)

KLINES = dg.AssetSelection.assets(*(stage.value for stage in Stage))
ORDER_BOOKS = dg.AssetSelection.assets(*(stage.value for stage in BookStage))
