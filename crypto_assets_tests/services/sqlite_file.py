"""New SQLite warehouses: copies of one, since creating the schema takes ten times as long."""

import tempfile
from functools import cache
from pathlib import Path

from crypto_assets.warehouse import Warehouse


def create_sqlite_file(path: Path) -> str:
    """Create the file of an empty warehouse with its schema, and return its URL."""
    path.write_bytes(_read_empty_file())
    return f"sqlite:///{path}"


@cache
def _read_empty_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "warehouse.db"
        warehouse = Warehouse(f"sqlite:///{path}")
        warehouse.migrate_schema()
        warehouse.close()
        assert [one.name for one in path.parent.iterdir()] == [path.name], "the log is checkpointed"
        return path.read_bytes()
