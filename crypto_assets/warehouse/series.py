"""Rows of a table, or of a roll-up, as Arrow tables."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyarrow import csv
from sqlalchemy import Connection, Float, FromClause, Select, Table, func, select, type_coerce

from crypto_assets.market.clock import Window
from crypto_assets.warehouse.column_types import Exact
from crypto_assets.warehouse.dialect import is_sqlite


def read(connection: Connection, statement: Select[Any], schema: pa.Schema) -> pa.Table:
    """The rows of a statement over `columns(...)`; decimals are exact where the server's are."""
    if is_sqlite(connection):
        rows = connection.execute(statement).all()
        values = zip(*rows, strict=True) if rows else ((),) * len(schema)
        pairs = zip(values, schema, strict=True)
        return pa.table([_array(column, field.type) for column, field in pairs], schema=schema)
    return _read_lines(connection, statement, schema)


def _read_lines(connection: Connection, statement: Select[Any], schema: pa.Schema) -> pa.Table:
    """Each row travels as one text, and Arrow takes the lot apart.

    The driver, which is Python, would spend three times as long on the fields of every row. None
    of our columns is NULL, which CONCAT_WS would leave out, and none has a comma in it.
    """
    line = func.concat_ws(",", *statement.selected_columns)
    lines = connection.execute(
        statement.with_only_columns(line, maintain_column_froms=True)
    ).scalars()
    text = "\n".join(lines).encode()
    if not text:
        return schema.empty_table()
    return csv.read_csv(
        pa.BufferReader(text),
        csv.ReadOptions(column_names=schema.names, use_threads=False),
        convert_options=csv.ConvertOptions(column_types=schema),
    )


def columns(connection: Connection, table: FromClause, names: Sequence[str]) -> list[Any]:
    """Columns for `read`; on SQLite as the doubles that they are, without a detour by Decimal."""
    doubles = is_sqlite(connection)
    return [
        type_coerce(table.c[name], Float).label(name)
        if doubles and isinstance(table.c[name].type, Exact)
        else table.c[name]
        for name in names
    ]


def of_symbol(
    connection: Connection,
    table: Table,
    symbol_id: int,
    window: Window,
    schema: pa.Schema,
    *,
    time: str = "open_time",
    limit: int | None = None,
    newest: bool = False,
) -> pa.Table:
    """A symbol's rows inside the window by its time column, oldest first.

    `schema` names the columns; `newest` has a limit keep the window's end instead of its start.
    """
    moment = table.c[time]
    statement = (
        select(*columns(connection, table, schema.names))
        .where(table.c.symbol_id == symbol_id)
        .where(moment >= window.start_ms, moment < window.end_ms)
        .order_by(moment.desc() if newest else moment)
        .limit(limit)
    )
    rows = read(connection, statement, schema)
    backwards = pa.array(range(rows.num_rows - 1, -1, -1), pa.int64())
    return rows.take(backwards) if newest else rows


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if not pa.types.is_decimal(kind):
        return pa.array(values, kind)
    return pa.array(values).cast(kind)
