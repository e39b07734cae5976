"""Garbage collections of a server visit only objects that are newer than its start."""

import gc

from crypto_assets.python_gc import freeze_loaded_objects


def test_existing_objects_are_excluded_from_collections() -> None:
    freeze_loaded_objects()
    assert gc.get_freeze_count() > 10_000, "pytest and its modules"
    assert len(gc.get_objects()) < 1_000
