"""What Dagster's pages show of each asset: description, group, kinds, owners, columns."""

from collections.abc import Mapping

import dagster as dg
import pyarrow as pa

from crypto_assets.market.candles import CANDLE_SCHEMA
from crypto_assets.settings import settings

OWNERS = ["team:market-data"]

_HELP = {
    "open_time": "first millisecond of the candle, UTC epoch ms",
    "open": "price of the first trade, in quote units",
    "high": "highest price",
    "low": "lowest price",
    "close": "price of the last trade",
    "volume": "traded amount, in base units",
    "close_time": "last millisecond of the candle, UTC epoch ms",
    "quote_volume": "traded amount, in quote units",
    "trade_count": "number of trades",
    "taker_buy_volume": "part of the volume that takers bought, in base units",
    "taker_buy_quote_volume": "part of the volume that takers bought, in quote units",
}


def _sql_type(kind: pa.DataType) -> str:
    return f"decimal({kind.precision},{kind.scale})" if pa.types.is_decimal(kind) else "bigint"


_SYMBOL = dg.TableColumn("symbol_id", "bigint", description="key of the table `symbols`")
_CANDLE_COLUMNS = [
    _SYMBOL,
    *(
        dg.TableColumn(field.name, _sql_type(field.type), description=_HELP[field.name])
        for field in CANDLE_SCHEMA
    ),
]
_PERIOD_COLUMNS = [
    *_CANDLE_COLUMNS,
    dg.TableColumn("minute_count", "bigint", description="minutes that the period is built from"),
]
_LAKE = {"s3" if settings().lake_raw_url.startswith("s3:") else "file", "json"}
_WAREHOUSE = {"sqlite" if settings().embedded else "mysql", "table"}


def spec(
    name: str,
    description: str,
    *,
    group: str,
    kinds: set[str],
    upstream: str | None = None,
    columns: list[dg.TableColumn] | None = None,
) -> dg.AssetSpec:
    """One asset; skippable, since its materialisations are logged key by key."""
    metadata: Mapping[str, object] = (
        {"dagster/column_schema": dg.TableSchema(columns=columns)} if columns else {}
    )
    return dg.AssetSpec(
        name,
        deps=[upstream] if upstream else [],
        description=description,
        group_name=group,
        kinds=kinds,
        owners=OWNERS,
        metadata=metadata,
        skippable=True,
    )


RAW_KLINES = spec(
    "raw_klines",
    "Minute candles as the exchange sent them: JSON objects in the lake, one UTC day each at most.",
    group="raw",
    kinds=_LAKE,
)
FACT_KLINES = spec(
    "fact_klines",
    "Minute candles, each exactly once, in the table `fact_klines`.",
    group="facts",
    kinds=_WAREHOUSE,
    upstream="raw_klines",
    columns=_CANDLE_COLUMNS,
)
HOURLY_KLINES = spec(
    "hourly_klines",
    "Closed hours by the exchange's own rule, in the table `hourly_klines`.",
    group="aggregates",
    kinds=_WAREHOUSE,
    upstream="fact_klines",
    columns=_PERIOD_COLUMNS,
)
DAILY_KLINES = spec(
    "daily_klines",
    "Closed UTC days by the exchange's own rule, in the table `daily_klines`.",
    group="aggregates",
    kinds=_WAREHOUSE,
    upstream="hourly_klines",
    columns=_PERIOD_COLUMNS,
)
RAW_ORDER_BOOK = spec(
    "raw_order_book",
    "Order-book snapshots as the exchange sent them: JSON objects in the lake.",
    group="raw",
    kinds=_LAKE,
)
FACT_ORDER_BOOK = spec(
    "fact_order_book",
    "Levels of each snapshot in `fact_order_book`, its figures in `order_book_snapshots`.",
    group="facts",
    kinds=_WAREHOUSE,
    upstream="raw_order_book",
)
