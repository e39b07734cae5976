"""Python's garbage collection in a process that serves."""

import gc


def freeze_loaded_objects() -> None:
    """Keeps all that there is now, modules above all, out of every later collection.

    For a server that is ready: what stands then stands for good, and a full collection that looks
    through it holds up an answer for 50 to 90 ms.
    """
    gc.collect()
    gc.freeze()
