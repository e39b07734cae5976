"""Dagster's freshness policies follow the intervals that are in force when definitions load."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from crypto_assets.defs import stored_values
from crypto_assets.settings import Settings
from crypto_assets.warehouse import INGEST_INTERVAL, ORDER_BOOK_INTERVAL, Warehouse
from crypto_assets_tests.services.programs import run_program

_PRINT_WINDOWS = """
from dagster import AssetKey
from crypto_assets.definitions import defs
for name in ("fact_klines", "fact_order_book"):
    node = defs.get_repository_def().asset_graph.get(AssetKey(name))
    policy = node.freshness_policy_or_from_metadata
    print(policy.warn_window.to_timedelta().total_seconds() / 60)
    print(policy.fail_window.to_timedelta().total_seconds() / 60)
"""


@pytest.mark.parametrize(
    ("overrides", "windows"),
    [
        ({}, [20, 40, 35, 70]),
        ({INGEST_INTERVAL: 60}, [185, 370, 35, 70]),
        ({INGEST_INTERVAL: 2, ORDER_BOOK_INTERVAL: 20}, [11, 22, 65, 130]),
    ],
)
def test_policies_follow_the_intervals_set_in_the_app(
    overrides: dict[str, int], windows: list[float], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'warehouse.db'}"
    warehouse = Warehouse(url)
    warehouse.migrate_schema()
    for name, minutes in overrides.items():
        warehouse.app_settings.put_value(name, minutes, who="test")
    assert _load_windows(tmp_path, url) == windows


def test_without_a_warehouse_the_intervals_of_the_environment_count(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'missing.db'}"
    assert _load_windows(tmp_path, url) == [20, 40, 35, 70]
    assert not (tmp_path / "missing.db").exists()


def _load_windows(home: Path, url: str) -> list[float]:
    """Load the definitions in a new process; return warn and fail windows in minutes."""
    environment = {
        **os.environ,
        "CRYPTO_HOME": str(home),
        "CRYPTO_WAREHOUSE_URL": url,
        "CRYPTO_INGEST_INTERVAL_MINUTES": "5",
        "CRYPTO_ORDER_BOOK_INTERVAL_MINUTES": "10",
    }
    done = run_program([sys.executable, "-c", _PRINT_WINDOWS], env=environment)
    return [float(line) for line in done.stdout.split()]


_LOAD_AS_RUN = """
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.definitions.reconstruct import reconstruct_repository_def_from_pointer
reconstruct_repository_def_from_pointer(
    ModuleCodePointer("crypto_assets.definitions", "defs", None)
)
"""


def test_a_run_opens_no_warehouse_for_its_policies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the code server needs them; each run would wait for the warehouse of every market."""
    monkeypatch.setattr(stored_values, "_READ_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        url = f"mysql+pymysql://user@127.0.0.1:{listener.getsockname()[1]}/crypto"
        subprocess.run(
            [sys.executable, "-c", _LOAD_AS_RUN],
            env={**os.environ, "CRYPTO_HOME": str(tmp_path), "CRYPTO_WAREHOUSE_URL": url},
            check=True,
        )
        with pytest.raises(BlockingIOError):
            listener.accept()
        stored_values.read_stored_values(Settings(home=tmp_path, warehouse_url=SecretStr(url)))
        listener.accept()[0].close()
