"""Dagster's home: its folder, its `dagster.yaml`, and the symbols as partitions."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from crypto_assets.defs.partitions import SYMBOLS
from crypto_assets.settings import PROJECT_ROOT


def prepare_home(home: Path) -> None:
    """Make the folder and give it the project's `dagster.yaml`, unless it has one of its own."""
    home.mkdir(parents=True, exist_ok=True)
    own = home / "dagster.yaml"
    if not own.exists():
        shutil.copyfile(PROJECT_ROOT / "dagster.yaml", own)


def open_instance(home: Path) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(home))


def add_symbols(instance: dg.DagsterInstance, symbols: Sequence[str]) -> None:
    """Make symbols partitions; those that are stay where they stand in Dagster's order."""
    known = set(instance.get_dynamic_partitions(SYMBOLS))
    missing = [name for name in symbols if name not in known]
    if missing:
        instance.add_dynamic_partitions(SYMBOLS, missing)
