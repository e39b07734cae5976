"""Python's garbage collection while a program starts, and in a server process."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def pause_collections() -> Iterator[None]:
    """Import and create within the `with` block what lives as long as the process.

    Collections find nothing to free there, and take a third of the time of the imports. The
    objects are also excluded from later collections.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def freeze_loaded_objects() -> None:
    """Exclude all current objects, mainly modules, from later garbage collections.

    For a server that is ready: these objects live as long as the process, and a full collection
    that visits them delays a response by 50 to 90 ms.
    """
    gc.collect()
    gc.freeze()
