"""Dagster's freshness policies follow the intervals that are in force when definitions load."""

import os
import sys
from pathlib import Path

import pytest

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
