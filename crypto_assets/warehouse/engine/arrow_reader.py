"""Reads rows of a table, or of a query over one, as Arrow tables."""

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

# SQLAlchemy takes as long to build a statement as a server to read 300 rows.
cache_statements = lru_cache(maxsize=256)
# The execution option of a statement that holds the names of its columns.
_COLUMN_NAMES = "arrow_column_names"


def select_arrow_rows(source: FromClause, names: Sequence[str], *, sqlite: bool) -> Select[Any]:
    """Build the SELECT of some columns that `read_arrow_table` reads.

    SQLite returns a value per column, and decimals as the doubles that it stores. Other servers
    return each row as one text, its fields separated by commas, which Arrow splits: the driver,
    written in Python, would take three times as long to parse the fields of every row.

    Raises ValueError where a column may be NULL: CONCAT_WS leaves NULLs out, so the fields after
    one would move to the columns before theirs. No value may contain a comma.
    """
    columns = [source.c[name] for name in names]
    nullable = [column.name for column in columns if getattr(column, "nullable", False)]
    if nullable:
        raise ValueError(f"columns that may be NULL cannot be read as Arrow: {nullable}")
    if sqlite:
        statement = select(
            *(
                type_coerce(column, Float).label(column.name)
                if isinstance(column.type, DecimalColumn)
                else column
                for column in columns
            )
        )
    else:
        statement = select(func.concat_ws(",", *columns))
    return statement.execution_options(**{_COLUMN_NAMES: list(names)})


def read_arrow_table(
    connection: Connection,
    statement: Select[Any],
    schema: pa.Schema,
    parameters: Mapping[str, object] | None = None,
) -> pa.Table:
    """Run a statement of `select_arrow_rows`; decimals are exact where the server's are.

    Raises ValueError unless the statement selects the schema's columns, in the schema's order.
    """
    selected = statement.get_execution_options().get(_COLUMN_NAMES)
    if selected != schema.names:
        raise ValueError(f"the statement selects {selected}, the schema has {schema.names}")
    result = connection.execute(statement, parameters)
    if not is_sqlite(connection):
        return _parse_lines(result.scalars().all(), schema)
    rows = result.all()
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    pairs = zip(columns, schema, strict=True)
    return pa.table([_make_array(column, field.type) for column, field in pairs], schema=schema)


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
    """Read a symbol's rows whose `time` column lies inside the window, oldest first.

    `schema` names the columns. `limit` keeps that many rows from the window's start, or from its
    end with `newest`.
    """
    limited, sqlite = limit is not None, is_sqlite(connection)
    statement = _select_symbol_rows(table, tuple(schema.names), time, limited, newest, sqlite)
    parameters = {"id": symbol_id, "start": window.start_ms, "end": window.end_ms}
    if limit is not None:
        parameters["limit"] = limit
    rows = read_arrow_table(connection, statement, schema, parameters)
    if not newest:
        return rows
    return rows.take(pa.array(np.arange(rows.num_rows)[::-1]))


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
    return statement.limit(bindparam("limit", type_=Integer)) if limited else statement


def _parse_lines(lines: Sequence[str], schema: pa.Schema) -> pa.Table:
    """Split lines of comma-separated fields into the schema's columns.

    Runs in this thread: Arrow's CSV reader waits for another one, for long on a busy machine.
    Raises ValueError where a field is missing.
    """
    if not lines:
        return schema.empty_table()
    fields = pc.split_pattern(pa.array(lines, pa.string()), ",").flatten()
    if len(fields) != len(lines) * len(schema):
        raise ValueError(f"{len(lines)} rows of {schema.names} have {len(fields)} fields")
    first_fields = np.arange(0, len(fields), len(schema))
    columns = (
        fields.take(pa.array(first_fields + number)).cast(kind)
        for number, kind in enumerate(schema.types)
    )
    return pa.table(list(columns), schema=schema)


def _make_array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Make a column of values that SQLite returned; decimals come as doubles."""
    if not pa.types.is_decimal(kind):
        return pa.array(values, kind)
    return make_decimals(np.array(values, np.float64), kind)


def make_decimals(doubles: np.ndarray, kind: pa.DataType) -> pa.Array:
    """Make the decimals that stored doubles stand for, by `format_stored_double`."""
    decimals, size = pa.array(doubles).cast(kind), np.abs(doubles)
    # Arrow's cast is exact for smaller values: their digits are all among the 15 of a double.
    largest = size.max(initial=0)
    for whole_digits in range(DOUBLE_DIGITS - kind.scale, DOUBLE_DIGITS):
        if largest < 10.0**whole_digits:
            return decimals
        chosen = (size >= 10.0**whole_digits) & (size < 10.0 ** (whole_digits + 1))
        narrow = pa.decimal128(DOUBLE_DIGITS + 1, DOUBLE_DIGITS - 1 - whole_digits)
        rounded = pa.array(doubles[chosen]).cast(narrow).cast(kind)
        decimals = pc.replace_with_mask(decimals, pa.array(chosen), rounded)
    chosen = size >= 10.0**DOUBLE_DIGITS
    rounded = pa.array(
        [format_stored_double(double) for double in doubles[chosen].tolist()], pa.string()
    )
    return pc.replace_with_mask(decimals, pa.array(chosen), rounded.cast(kind))
