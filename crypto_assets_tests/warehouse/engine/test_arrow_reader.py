"""Rows as Arrow tables: a value never lands in the column of another."""

import pyarrow as pa
import pytest
from sqlalchemy import Connection, func, select

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog.watermarks import Watermark, store_watermark
from crypto_assets.warehouse.engine.arrow_reader import read_arrow_table, select_arrow_rows
from crypto_assets.warehouse.engine.dialect import is_sqlite
from crypto_assets.warehouse.engine.schema import extraction_metadata

NOT_NULL = ("symbol_id", "record_count")


def _store_row(connection: Connection) -> None:
    store_watermark(connection, 7, ObjectKind.KLINES, Watermark(record_count=11))


def _make_schema(*names: str) -> pa.Schema:
    return pa.schema([pa.field(name, pa.int64()) for name in names])


def test_columns_are_read_by_name(warehouse: Warehouse) -> None:
    warehouse._database.run_write(_store_row)
    for names in (NOT_NULL, NOT_NULL[::-1]):
        table = warehouse._database.run_read(
            lambda c, names=names: read_arrow_table(
                c,
                select_arrow_rows(extraction_metadata, names, sqlite=is_sqlite(c)),
                _make_schema(*names),
            )
        )
        assert table.to_pylist() == [{"symbol_id": 7, "record_count": 11}]


def test_a_nullable_column_is_refused_by_its_name(warehouse: Warehouse) -> None:
    """MySQL would leave its NULL out, and the count of rows would become the last open time."""
    warehouse._database.run_write(_store_row)
    names = ("symbol_id", "last_open_time", "record_count")

    def read(connection: Connection) -> pa.Table:
        statement = select_arrow_rows(extraction_metadata, names, sqlite=is_sqlite(connection))
        return read_arrow_table(connection, statement, _make_schema(*names))

    with pytest.raises(ValueError, match=r"may be NULL .*\['last_open_time'\]"):
        warehouse._database.run_read(read)


def test_columns_in_another_order_than_the_schemas_are_refused(warehouse: Warehouse) -> None:
    warehouse._database.run_write(_store_row)

    def read(connection: Connection) -> pa.Table:
        statement = select_arrow_rows(extraction_metadata, NOT_NULL, sqlite=is_sqlite(connection))
        return read_arrow_table(connection, statement, _make_schema(*NOT_NULL[::-1]))

    with pytest.raises(ValueError, match="the statement selects"):
        warehouse._database.run_read(read)


def test_a_null_of_an_expression_is_refused(mariadb_warehouse: Warehouse) -> None:
    """An expression declares no nullability: its NULL shows in the number of fields."""
    mariadb_warehouse._database.run_write(_store_row)
    source = select(
        extraction_metadata.c.symbol_id,
        func.nullif(extraction_metadata.c.record_count, 11).label("record_count"),
    ).subquery("source")

    def read(connection: Connection) -> pa.Table:
        statement = select_arrow_rows(source, NOT_NULL, sqlite=False)
        return read_arrow_table(connection, statement, _make_schema(*NOT_NULL))

    with pytest.raises(ValueError, match=r"1 rows of .*have 1 fields"):
        mariadb_warehouse._database.run_read(read)
