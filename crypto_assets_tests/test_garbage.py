"""Garbage collections of a program visit only objects that are newer than its start."""

import gc
import json
import sys

import pytest

from crypto_assets.python_gc import freeze_loaded_objects, pause_collections
from crypto_assets_tests.services.programs import run_program


def test_existing_objects_are_excluded_from_collections() -> None:
    freeze_loaded_objects()
    assert gc.get_freeze_count() > 10_000, "pytest and its modules"
    assert len(gc.get_objects()) < 1_000


def test_imports_cause_no_collections() -> None:
    collections: list[int] = []
    gc.callbacks.append(lambda phase, info: collections.append(info["generation"]))
    try:
        with pause_collections():
            objects = [[number] for number in range(1_000_000)]
        assert collections == []
        assert len(gc.get_objects()) < len(objects), "later collections do not visit them"
    finally:
        gc.callbacks.pop()
    assert gc.isenabled()


@pytest.mark.parametrize(
    "imports",
    [
        "from crypto_assets import definitions",
        "command_group.crypto_assets.get_command(None, 'up')",
    ],
)
def test_programs_import_without_collections(imports: str) -> None:
    code = f"""
import dagster, gc, json
from crypto_assets.cli import command_group
full = lambda: gc.get_stats()[2]["collections"]
before = full()
{imports}
print(json.dumps([full() - before, gc.isenabled()]))
"""
    ran = run_program([sys.executable, "-c", code])
    assert json.loads(ran.stdout.splitlines()[-1]) == [0, True]
