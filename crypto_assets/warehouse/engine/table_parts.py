"""The rows of any table as Arrow tables of bounded size, read and inserted; for backups.

A database's own catalog says which tables and columns there are, so that a schema of an earlier
version is read as it is. SQLite's doubles stay doubles, and the decimals of a server stay exact.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Float,
    MetaData,
    Numeric,
    Table,
    func,
    select,
    type_coerce,
)

from crypto_assets.market.utc_time import Window, day_of
from crypto_assets.warehouse.engine.arrow_reader import make_decimals, read_symbol_rows
from crypto_assets.warehouse.engine.bulk_load import convert_to_doubles, write_rows
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import CANDLE_TABLES

_PART_ROWS = 50_000
_CANDLE_TABLES = {table.name for table in CANDLE_TABLES.values()}
_ARROW_TYPES: dict[type, pa.DataType] = {
    int: pa.int64(),
    bool: pa.int64(),
    str: pa.string(),
    bytes: pa.binary(),
    datetime: pa.timestamp("us"),
}


def reflect_tables(connection: Connection) -> list[Table]:
    """Read the database's tables; one with a foreign key comes after the table that it names."""
    catalog = MetaData()
    catalog.reflect(connection)
    return list(catalog.sorted_tables)


def reflect_table(connection: Connection, name: str) -> Table:
    """Read the columns of one table."""
    return Table(name, MetaData(), autoload_with=connection)


def iter_table_parts(connection: Connection, table: Table) -> Iterator[pa.Table]:
    """Yield all rows of a table, in an order that does not depend on when they were inserted.

    A part of candles contains a symbol's UTC month: one that has not changed since the last backup
    is the same, to the byte.
    """
    schema = pa.schema([_make_field(column) for column in table.columns])
    if table.name in _CANDLE_TABLES:
        yield from _iter_candle_months(connection, table, schema)
        return
    keys = list(table.primary_key.columns) or list(table.columns)
    statement = select(*map(_read_plainly, table.columns)).order_by(*keys)
    result = connection.execution_options(stream_results=True).execute(statement)
    for rows in result.partitions(_PART_ROWS):
        columns = zip(*rows, strict=True)
        arrays = [
            pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)
        ]
        yield pa.table(arrays, schema=schema)


def insert_part(database: Database, connection: Connection, table: Table, rows: pa.Table) -> None:
    """Insert the rows of a part, which may come from another kind of database."""
    if table.name in _CANDLE_TABLES:
        write_rows(database, connection, table, _convert_rows(table, rows))
    else:
        insert_rows(connection, table, rows)


def insert_rows(connection: Connection, table: Table, rows: pa.Table) -> None:
    """Insert rows without a file of a bulk load."""
    if rows.num_rows:
        connection.execute(table.insert(), _convert_rows(table, rows).to_pylist())


def _iter_candle_months(
    connection: Connection, table: Table, schema: pa.Schema
) -> Iterator[pa.Table]:
    time = table.c.open_time
    spans = select(table.c.symbol_id, func.min(time), func.max(time)).group_by(table.c.symbol_id)
    for symbol_id, first, last in connection.execute(spans.order_by(table.c.symbol_id)).all():
        for month in Window.of_days(day_of(first), day_of(last)).split_by_month():
            rows = read_symbol_rows(connection, table, symbol_id, month, schema)
            if rows.num_rows:
                yield rows


def _read_plainly(column: Column[Any]) -> ColumnElement[Any]:
    """Read a double as a float, where MySQL's dialect would make a decimal of it."""
    if isinstance(column.type, Float):
        return type_coerce(column, Float()).label(column.name)
    return column


def _make_field(column: Column[Any]) -> pa.Field:
    kind = column.type
    if isinstance(kind, Float):
        return pa.field(column.name, pa.float64())
    if isinstance(kind, Numeric):
        return pa.field(column.name, pa.decimal128(kind.precision or 0, kind.scale or 0))
    return pa.field(column.name, _ARROW_TYPES[kind.python_type])


def _convert_rows(table: Table, rows: pa.Table) -> pa.Table:
    fields = [_make_field(table.c[name]) for name in rows.column_names]
    columns = [
        _convert_column(column, field.type)
        for column, field in zip(rows.columns, fields, strict=True)
    ]
    return pa.table(columns, schema=pa.schema(fields))


def _convert_column(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_floating(column.type) and pa.types.is_decimal(kind):
        return pa.chunked_array([make_decimals(column.to_numpy(), kind)])
    if pa.types.is_decimal(column.type) and pa.types.is_floating(kind):
        return pa.chunked_array([convert_to_doubles(column)])
    return column.cast(kind)
