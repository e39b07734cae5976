"""Asset specs: description, group, kinds and columns of each asset."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from crypto_assets.addresses import remove_logins
from crypto_assets.defs.assets.columns import (
    BOOK_COLUMNS,
    CANDLE_COLUMNS,
    PERIOD_COLUMNS,
    RAW_COLUMNS,
    build_column_lineage,
)
from crypto_assets.defs.markets import MarketSpec
from crypto_assets.defs.metadata import runbook_link
from crypto_assets.pipeline.stages.results import KlinesStage, OrderBookStage


def build_klines_specs(market: MarketSpec) -> list[dg.AssetSpec]:
    """Build the specs of candles, from the lake to days."""
    raw = build_asset_spec(
        market,
        KlinesStage.RAW,
        "Minute candles as received from the exchange: JSON objects in the lake, each of one UTC "
        "day.",
        RAW_COLUMNS,
        group="raw",
        layer="lake",
    )
    facts = build_asset_spec(
        market,
        KlinesStage.FACTS,
        "Deduplicated minute candles in the table `fact_klines`.",
        CANDLE_COLUMNS,
        group="facts",
        layer="warehouse",
        upstream=raw,
    )
    hours = build_asset_spec(
        market,
        KlinesStage.HOURS,
        "Candles of closed hours in the table `hourly_klines`, aggregated by the exchange's rule.",
        PERIOD_COLUMNS,
        group="aggregates",
        layer="warehouse",
        upstream=facts,
    )
    days = build_asset_spec(
        market,
        KlinesStage.DAYS,
        "Candles of closed UTC days in the table `daily_klines`, aggregated by the exchange's "
        "rule.",
        PERIOD_COLUMNS,
        group="aggregates",
        layer="warehouse",
        upstream=hours,
    )
    return [raw, facts, hours, days]


def build_order_book_specs(market: MarketSpec) -> list[dg.AssetSpec]:
    """Build the specs of order books, in the lake and in facts, with their partitions."""
    partitions_def = market.order_book_partitions.keys_def
    raw = build_asset_spec(
        market,
        OrderBookStage.RAW,
        "Order-book snapshots as received from the exchange: JSON objects in the lake. "
        f"{_describe_capture(market)}",
        [],
        group="raw",
        layer="lake",
        partitions_def=partitions_def,
    )
    facts = build_asset_spec(
        market,
        OrderBookStage.FACTS,
        "Price levels of each snapshot in `fact_order_book`, its statistics in "
        f"`order_book_snapshots`. {_describe_capture(market)}",
        BOOK_COLUMNS,
        group="facts",
        layer="warehouse",
        upstream=raw,
        partitions_def=partitions_def,
    )
    return [raw, facts]


def _describe_capture(market: MarketSpec) -> str:
    """Say what replaces the button Materialize, which external assets do not have."""
    job = market.prefix_name("order_books")
    return (
        f"The schedule `{job}_schedule` captures them; to capture them now, launch its job "
        f"`{job}`. A past day cannot be captured any more."
    )


def build_asset_spec(
    market: MarketSpec,
    name: str,
    description: str,
    columns: Sequence[dg.TableColumn],
    *,
    group: str,
    layer: str,
    upstream: dg.AssetSpec | None = None,
    partitions_def: dg.PartitionsDefinition | None = None,
) -> dg.AssetSpec:
    """Build the spec of one asset; skippable, since its materializations are logged per key.

    `partitions_def` is that of an external asset; others take it from their step.
    """
    settings = market.settings
    in_lake = layer == "lake"
    if in_lake:
        kinds = {"s3" if settings.lake_raw_url.startswith("s3:") else "file", "json"}
    else:
        kinds = {"sqlite" if settings.is_embedded else "mysql", "table"}
    # A lake's address needs no login, but may have one by mistake, and Dagster stores it in clear.
    location: dict[str, Any] = (
        {"dagster/uri": remove_logins(settings.lake_raw_url)}
        if in_lake
        else {"dagster/table_name": str(name)}
    )
    return dg.AssetSpec(
        market.asset_key(name),
        deps=[upstream] if upstream else [],
        description=description,
        group_name=market.prefix_name(group),
        kinds=kinds,
        tags={"layer": layer, "cadence": "live"},
        metadata={
            "dagster/column_schema": dg.TableSchema(columns=columns),
            **build_column_lineage(columns, upstream),
            **location,
            "runbook": runbook_link(),
        },
        skippable=partitions_def is None,
        partitions_def=partitions_def,
    )
