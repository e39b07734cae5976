"""Many rows of an Arrow table into a table at once.

Into MySQL by LOAD DATA LOCAL INFILE, which turns bad values into zeros with a warning only: what
it reports is held against what was sent. Where the server refuses it, by INSERT of many rows.
"""

import tempfile
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv
from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

from crypto_assets.batches import iter_batches
from crypto_assets.errors import LoadRejected
from crypto_assets.market.candles import format_decimals
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import is_sqlite

# Below this a file costs more than it saves.
_MIN_FILE_ROWS = 300
# Of SQLite, whose driver lets go of the interpreter at each statement, and then waits for the other
# threads to have it back. Its parameters may be 32,766 to a statement.
_ROWS_PER_STATEMENT = 1_000
# Arrow writes small decimals as 1E-8, which the server reads exactly.
_CSV_OPTIONS = csv.WriteOptions(include_header=False, quoting_style="none")
# "not allowed" of MySQL 5.7 and older MariaDB, of MySQL 8, and of MariaDB 10.5 and later.
_LOCAL_INFILE_REFUSED = {1148, 3948, 4166}


def convert_to_storage(connection: Connection, table: pa.Table) -> pa.Table:
    """The table as the database will hold it: decimals become the nearest doubles on SQLite."""
    if not is_sqlite(connection):
        return table
    columns = [_convert_to_doubles(c) if pa.types.is_decimal(c.type) else c for c in table.columns]
    return pa.table(columns, schema=make_storage_schema(connection, table.schema))


def make_storage_schema(connection: Connection, schema: pa.Schema) -> pa.Schema:
    if not is_sqlite(connection):
        return schema
    return pa.schema(
        [f.with_type(pa.float64()) if pa.types.is_decimal(f.type) else f for f in schema]
    )


def _convert_to_doubles(column: pa.ChunkedArray) -> pa.Array:
    """Decimals as doubles, each the nearest as long as it has no more than 15 digits.

    Arrow's own cast misses the nearest by a unit in the last place now and then, and then the same
    candle would look changed. A decimal lies in memory as two words of one whole number.
    """
    flat = column.combine_chunks()
    words = np.frombuffer(flat.buffers()[1], np.int64)[2 * flat.offset :][: 2 * len(flat)]
    low, high = words[::2], words[1::2]
    whole = np.where(
        high == low >> 63, low.astype(float), high * 2.0**64 + low.view(np.uint64).astype(float)
    )
    return pa.array(whole / 10.0**flat.type.scale)


def write_rows(
    database: Database,
    connection: Connection,
    table: Table,
    rows: pa.Table,
    *,
    replace: bool = False,
) -> None:
    """Inserts rows whose columns carry the table's names; `replace` overwrites equal keys.

    Raises LoadRejected where the server kept anything but what was sent; the caller's transaction
    then rolls back.
    """
    if not rows.num_rows:
        return
    if is_sqlite(connection) or rows.num_rows < _MIN_FILE_ROWS or database.refuses_local_infile:
        return _insert_rows(connection, table, rows, replace)
    try:
        _load_file(connection, table, rows, replace)
    except DBAPIError as error:
        if error.orig is None or error.orig.args[0] not in _LOCAL_INFILE_REFUSED:
            raise
        database.refuses_local_infile = True
        _insert_rows(connection, table, rows, replace)


def _insert_rows(connection: Connection, table: Table, rows: pa.Table, replace: bool) -> None:
    """Several rows a statement; the driver of MySQL makes them so by itself."""
    values = zip(*(_list_values(column) for column in rows.columns), strict=True)
    if not is_sqlite(connection):
        statement = _format_insert(connection, table, rows, replace, "%s", 1)
        connection.exec_driver_sql(statement, list(values))
        return
    for batch in iter_batches(values, _ROWS_PER_STATEMENT):
        statement = _format_insert(connection, table, rows, replace, "?", len(batch))
        connection.exec_driver_sql(statement, tuple(chain.from_iterable(batch)))


def _format_insert(
    connection: Connection, table: Table, rows: pa.Table, replace: bool, mark: str, count: int
) -> str:
    verb = "REPLACE" if replace else "INSERT"
    marks = f"({', '.join([mark] * rows.num_columns)})"
    names = _quote_column_names(connection, rows)
    return f"{verb} INTO {table.name} ({names}) VALUES {', '.join([marks] * count)}"


def _list_values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_decimal(column.type):
        column = pa.chunked_array([format_decimals(column)])
    if pa.types.is_string(column.type):
        return list(column.to_pylist())
    return list(column.to_numpy().tolist())


def _load_file(connection: Connection, table: Table, rows: pa.Table, replace: bool) -> None:
    verb = "REPLACE" if replace else ""
    with tempfile.TemporaryDirectory(prefix="crypto-assets-load-") as directory:
        path = Path(directory) / f"{table.name}.csv"
        csv.write_csv(rows, path, _CSV_OPTIONS)
        result = connection.exec_driver_sql(
            f"LOAD DATA LOCAL INFILE %s {verb} INTO TABLE {table.name} CHARACTER SET utf8mb4 "
            f"FIELDS TERMINATED BY ',' LINES TERMINATED BY '\\n' ({_quote_column_names(connection, rows)})",
            (str(path),),
        )
    warnings = connection.exec_driver_sql("SHOW COUNT(*) WARNINGS").scalar()
    taken = result.rowcount
    # Of REPLACE the server counts the row that went and the row that came.
    enough = taken >= rows.num_rows if replace else taken == rows.num_rows
    if warnings or not enough:
        raise LoadRejected(
            f"{table.name}: {rows.num_rows} rows were sent, the server reports {taken} and "
            f"{warnings} warnings: {_read_first_warning(connection)}"
        )


def _read_first_warning(connection: Connection) -> str:
    row = connection.exec_driver_sql("SHOW WARNINGS LIMIT 1").first()
    return f"{row[2]} ({row[1]})" if row else "none kept"


def _quote_column_names(connection: Connection, rows: pa.Table) -> str:
    quote = connection.dialect.identifier_preparer.quote
    return ", ".join(quote(name) for name in rows.column_names)


def make_constant_column(value: int, length: int) -> pa.Array:
    """A column with one value all the way down."""
    return pc.fill_null(pa.nulls(length, pa.int64()), value)
