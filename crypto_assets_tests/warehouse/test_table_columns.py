"""The columns of the warehouse's tables, as the database describes them."""

import sqlite3
from contextlib import closing
from pathlib import Path

from crypto_assets.warehouse import Warehouse


def test_a_column_without_a_type_has_an_empty_one(tmp_path: Path) -> None:
    """In a table that somebody has added; the nightly asset must still describe the others."""
    path = tmp_path / "warehouse.db"
    with closing(Warehouse(f"sqlite:///{path}")) as warehouse:
        warehouse.migrate_schema()
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("CREATE TABLE planted (anything, number INTEGER)")
        columns = warehouse.coverage.read_table_columns()
    assert columns["planted"] == {"anything": "", "number": "integer"}
    assert columns["fact_klines"]["open_time"] == "bigint"
