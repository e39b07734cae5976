"""New instances of Dagster: their databases are copies, since creating them takes a second."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg


@contextmanager
def new_instance(
    folder: Path, overrides: Mapping[str, Any] | None = None
) -> Iterator[dg.DagsterInstance]:
    """Create an instance with its home in a folder; `overrides` are settings of `dagster.yaml`."""
    for name, content in _read_databases().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with dg.instance_for_test(overrides, temp_dir=str(folder)) as instance:
        yield instance


@cache
def _read_databases() -> Mapping[str, bytes]:
    """Read the databases of an instance without runs, by their path in its home."""
    with tempfile.TemporaryDirectory() as folder:
        with dg.instance_for_test(temp_dir=folder) as instance:
            # Each storage creates its database when it is used first.
            instance.get_runs_count()
            instance.all_asset_keys()
            instance.all_instigator_state()
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        assert not [path for path in files if path.name.endswith("-wal")], "not all is in the files"
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in files
            if path.suffix == ".db"
        }
