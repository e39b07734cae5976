"""A server's collections of garbage look at what has come since it was ready."""

import gc

from crypto_assets.garbage_collection import freeze_loaded_objects


def test_what_stands_is_looked_at_no_more() -> None:
    freeze_loaded_objects()
    try:
        assert gc.get_freeze_count() > 10_000, "pytest and its modules"
        assert len(gc.get_objects()) < 1_000
    finally:
        gc.unfreeze()
