"""Writes the rows of an Arrow table into a table of the database.

MySQL loads them by LOAD DATA LOCAL INFILE, which only warns when it replaces a bad value by zero,
so the reported counts are compared with the rows sent. A server that refuses it gets INSERTs, and
so does one that is reached by a connection that cannot send files (`Database.run_bulk_load`).
"""

import tempfile
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv
from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

from crypto_assets.batches import iter_batches
from crypto_assets.errors import LoadRejected
from crypto_assets.market.candles import format_decimals
from crypto_assets.warehouse.engine.database import MIN_FILE_ROWS, Database
from crypto_assets.warehouse.engine.dialect import is_sqlite
from crypto_assets.warehouse.engine.mysql_connections import can_send_files, permit_file

# For SQLite, whose driver releases Python's interpreter lock during each statement, and then waits
# for other threads to get it back. A statement may have 32,766 parameters.
_ROWS_PER_STATEMENT = 1_000
# Arrow writes small decimals as 1E-8, which the server reads exactly.
_CSV_OPTIONS = csv.WriteOptions(include_header=False, quoting_style="none")
# "not allowed" of MySQL 5.7 and older MariaDB, of MySQL 8, and of MariaDB 10.5 and later.
_LOCAL_INFILE_REFUSED = {1148, 3948, 4166}


def convert_to_storage(connection: Connection, table: pa.Table) -> pa.Table:
    """Convert a table to what the database will store: SQLite stores decimals as doubles."""
    if not is_sqlite(connection):
        return table
    columns = [convert_to_doubles(c) if pa.types.is_decimal(c.type) else c for c in table.columns]
    return pa.table(columns, schema=make_storage_schema(connection, table.schema))


def make_storage_schema(connection: Connection, schema: pa.Schema) -> pa.Schema:
    """Return the schema of the tables of `convert_to_storage`."""
    if not is_sqlite(connection):
        return schema
    return pa.schema(
        [f.with_type(pa.float64()) if pa.types.is_decimal(f.type) else f for f in schema]
    )


def convert_to_doubles(column: pa.ChunkedArray) -> pa.Array:
    """Convert decimals of at most 15 digits to the nearest doubles.

    Arrow's cast is sometimes off by one unit in the last place, and an unchanged candle would look
    revised. Arrow stores a decimal as an integer of two 64-bit words, the low word first.
    """
    flat = column.combine_chunks()
    words = np.frombuffer(flat.buffers()[1], np.int64)[2 * flat.offset :][: 2 * len(flat)]
    low, high = words[::2], words[1::2]
    integers = np.where(
        high == low >> 63, low.astype(float), high * 2.0**64 + low.view(np.uint64).astype(float)
    )
    return pa.array(integers / 10.0**flat.type.scale)


def write_rows(
    database: Database,
    connection: Connection,
    table: Table,
    rows: pa.Table,
    *,
    replace: bool = False,
) -> None:
    """Insert rows whose columns are named as the table's; `replace` overwrites equal keys.

    Raises LoadRejected where the server changed or dropped a value, so that the caller's
    transaction rolls back.
    """
    if not rows.num_rows:
        return
    sends_file = (
        not is_sqlite(connection)
        and rows.num_rows >= MIN_FILE_ROWS
        and not database.refuses_local_infile
        and can_send_files(connection)
    )
    if not sends_file:
        return _insert_rows(connection, table, rows, replace)
    try:
        _load_file(connection, table, rows, replace)
    except DBAPIError as error:
        if error.orig is None or error.orig.args[0] not in _LOCAL_INFILE_REFUSED:
            raise
        database.refuses_local_infile = True
        _insert_rows(connection, table, rows, replace)


def _insert_rows(connection: Connection, table: Table, rows: pa.Table, replace: bool) -> None:
    """Insert several rows per statement; the MySQL driver combines the rows of a list itself."""
    values = zip(*(_list_values(column) for column in rows.columns), strict=True)
    if not is_sqlite(connection):
        statement = _format_insert(connection, table, rows, replace, "%s", 1)
        connection.exec_driver_sql(statement, list(values))
        return
    for batch in iter_batches(values, _ROWS_PER_STATEMENT):
        statement = _format_insert(connection, table, rows, replace, "?", len(batch))
        connection.exec_driver_sql(statement, tuple(chain.from_iterable(batch)))


def _format_insert(
    connection: Connection,
    table: Table,
    rows: pa.Table,
    replace: bool,
    placeholder: str,
    count: int,
) -> str:
    verb = "REPLACE" if replace else "INSERT"
    values = f"({', '.join([placeholder] * rows.num_columns)})"
    names = _quote_column_names(connection, rows)
    return f"{verb} INTO {table.name} ({names}) VALUES {', '.join([values] * count)}"


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
        names = _quote_column_names(connection, rows)
        with permit_file(connection, path):
            result = connection.exec_driver_sql(
                f"LOAD DATA LOCAL INFILE %s {verb} INTO TABLE {table.name} CHARACTER SET utf8mb4 "
                f"FIELDS TERMINATED BY ',' LINES TERMINATED BY '\\n' ({names})",
                (str(path),),
            )
    warnings = connection.exec_driver_sql("SHOW COUNT(*) WARNINGS").scalar()
    loaded = result.rowcount
    # REPLACE counts a deleted row and the row inserted in its place as two.
    is_complete = loaded >= rows.num_rows if replace else loaded == rows.num_rows
    if warnings or not is_complete:
        raise LoadRejected(
            f"{table.name}: {rows.num_rows} rows were sent, the server loaded {loaded}, with "
            f"{warnings} warnings: {_read_first_warning(connection)}"
        )


def _read_first_warning(connection: Connection) -> str:
    row = connection.exec_driver_sql("SHOW WARNINGS LIMIT 1").first()
    return f"{row[2]} ({row[1]})" if row else "no warning recorded"


def _quote_column_names(connection: Connection, rows: pa.Table) -> str:
    quote = connection.dialect.identifier_preparer.quote
    return ", ".join(quote(name) for name in rows.column_names)
