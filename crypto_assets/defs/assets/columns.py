"""Table schemas and column lineage of the assets, as shown in Dagster's UI."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from crypto_assets.market.candles import CANDLE_SCHEMA

_COLUMN_DESCRIPTIONS = {
    "open_time": "first millisecond of the candle, UTC epoch ms",
    "open": "price of the first trade, in quote units",
    "high": "highest price",
    "low": "lowest price",
    "close": "price of the last trade",
    "volume": "traded volume, in base units",
    "close_time": "last millisecond of the candle, UTC epoch ms",
    "quote_volume": "traded volume, in quote units",
    "trade_count": "number of trades",
    "taker_buy_volume": "volume bought by takers, in base units",
    "taker_buy_quote_volume": "volume bought by takers, in quote units",
}


def _sql_type(kind: pa.DataType) -> str:
    return f"decimal({kind.precision},{kind.scale})" if pa.types.is_decimal(kind) else "bigint"


_SYMBOL_COLUMN = dg.TableColumn("symbol_id", "bigint", description="key of the table `symbols`")
CANDLE_COLUMNS = [
    _SYMBOL_COLUMN,
    *(
        dg.TableColumn(
            field.name, _sql_type(field.type), description=_COLUMN_DESCRIPTIONS[field.name]
        )
        for field in CANDLE_SCHEMA
    ),
]
PERIOD_COLUMNS = [
    *CANDLE_COLUMNS,
    dg.TableColumn("minute_count", "bigint", description="number of minutes in the period"),
]
# In the lake, a candle is the exchange's row of twelve fields, of which the last is unused.
RAW_COLUMNS = [
    dg.TableColumn(
        field.name,
        "string" if pa.types.is_decimal(field.type) else "integer",
        description=_COLUMN_DESCRIPTIONS[field.name],
    )
    for field in CANDLE_SCHEMA
]
BOOK_COLUMNS = [
    _SYMBOL_COLUMN,
    dg.TableColumn("last_update_id", "bigint", description="the exchange's update id of the book"),
    dg.TableColumn("side", "varchar(3)", description="`bid` or `ask`"),
    dg.TableColumn("level", "smallint", description="position on its side; 1 is the best price"),
    dg.TableColumn("captured_at", "bigint", description="time of the first capture, UTC epoch ms"),
    dg.TableColumn("price", "decimal(20,8)", description="price of the level, in quote units"),
    dg.TableColumn("quantity", "decimal(30,8)", description="quantity of the level, in base units"),
]


def build_column_lineage(
    columns: Sequence[dg.TableColumn], upstream: dg.AssetSpec | None
) -> dict[str, Any]:
    """Map each column to the upstream column of the same name, `minute_count` to `open_time`."""
    if upstream is None:
        return {}
    schema: dg.TableSchema = upstream.metadata["dagster/column_schema"]
    known = {column.name for column in schema.columns}
    sources = {"minute_count": "open_time"} | {name: name for name in known}
    deps = {
        column.name: [dg.TableColumnDep(upstream.key, source)]
        for column in columns
        if (source := sources.get(column.name)) in known
    }
    return {"dagster/column_lineage": dg.TableColumnLineage(deps)} if deps else {}
