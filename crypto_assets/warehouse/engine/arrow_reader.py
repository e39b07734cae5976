"""Rows of a table, or of a roll-up, as Arrow tables."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import (
    Connection,
    Float,
    FromClause,
    Integer,
    Select,
    Table,
    bindparam,
    func,
    select,
    type_coerce,
)

from crypto_assets.market.utc_time import Window
from crypto_assets.warehouse.engine.column_types import (
    DOUBLE_DIGITS,
    DecimalColumn,
    format_stored_double,
)
from crypto_assets.warehouse.engine.dialect import is_sqlite

# Statements of ours that are kept: writing one takes the time in which a server reads 300 rows.
cache_statements = lru_cache(maxsize=256)


def read_arrow_table(
    connection: Connection,
    statement: Select[Any],
    schema: pa.Schema,
    values: Mapping[str, object] | None = None,
) -> pa.Table:
    """The rows of a statement made by `rows_of`; decimals are exact where the server's are."""
    result = connection.execute(statement, values)
    if not is_sqlite(connection):
        return _parse_lines(result.scalars().all(), schema)
    rows = result.all()
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    pairs = zip(columns, schema, strict=True)
    return pa.table([_make_array(column, field.type) for column, field in pairs], schema=schema)


def select_arrow_rows(source: FromClause, names: Sequence[str], *, sqlite: bool) -> Select[Any]:
    """Columns for `read`: on SQLite as the doubles that they are, without a detour by Decimal.

    Elsewhere each row travels as one text, and Arrow takes the lot apart: the driver, which is
    Python, would spend three times as long on the fields of every row. None of our columns is
    NULL, which CONCAT_WS would leave out, and none has a comma in it.
    """
    columns = [source.c[name] for name in names]
    if not sqlite:
        return select(func.concat_ws(",", *columns))
    return select(
        *(
            type_coerce(column, Float).label(column.name)
            if isinstance(column.type, DecimalColumn)
            else column
            for column in columns
        )
    )


def read_symbol_rows(
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
    limited, sqlite = limit is not None, is_sqlite(connection)
    statement = _select_symbol_rows(table, tuple(schema.names), time, limited, newest, sqlite)
    values = {"id": symbol_id, "start": window.start_ms, "end": window.end_ms}
    rows = read_arrow_table(
        connection, statement, schema, values | ({"most": limit} if limited else {})
    )
    backwards = pa.array(range(rows.num_rows - 1, -1, -1), pa.int64())
    return rows.take(backwards) if newest else rows


@cache_statements
def _select_symbol_rows(
    table: Table, names: tuple[str, ...], time: str, limited: bool, newest: bool, sqlite: bool
) -> Select[Any]:
    moment = table.c[time]
    statement = (
        select_arrow_rows(table, names, sqlite=sqlite)
        .where(table.c.symbol_id == bindparam("id"))
        .where(moment >= bindparam("start"), moment < bindparam("end"))
        .order_by(moment.desc() if newest else moment)
    )
    return statement.limit(bindparam("most", type_=Integer)) if limited else statement


def _parse_lines(lines: Sequence[str], schema: pa.Schema) -> pa.Table:
    """In this thread: Arrow's reader of CSV waits for another, on a busy machine for long."""
    if not lines:
        return schema.empty_table()
    fields = pc.split_pattern(pa.array(lines, pa.string()), ",").flatten()
    every = np.arange(0, len(fields), len(schema))
    columns = (fields.take(pa.array(every + n)).cast(kind) for n, kind in enumerate(schema.types))
    return pa.table(list(columns), schema=schema)


def _make_array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if not pa.types.is_decimal(kind):
        return pa.array(values, kind)
    doubles = np.array(values, np.float64)
    decimals, size = pa.array(doubles).cast(kind), np.abs(doubles)
    # In smaller ones the scale leaves no place for a digit that a double does not hold.
    largest = size.max(initial=0)
    for whole in range(DOUBLE_DIGITS - kind.scale, DOUBLE_DIGITS):
        if largest < 10.0**whole:
            return decimals
        chosen = (size >= 10.0**whole) & (size < 10.0 ** (whole + 1))
        narrow = pa.decimal128(DOUBLE_DIGITS + 1, DOUBLE_DIGITS - 1 - whole)
        held = pa.array(doubles[chosen]).cast(narrow).cast(kind)
        decimals = pc.replace_with_mask(decimals, pa.array(chosen), held)
    chosen = size >= 10.0**DOUBLE_DIGITS
    held = pa.array(
        [format_stored_double(double) for double in doubles[chosen].tolist()], pa.string()
    )
    return pc.replace_with_mask(decimals, pa.array(chosen), held.cast(kind))
