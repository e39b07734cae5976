"""Python's garbage collection in a server process."""

import gc


def freeze_loaded_objects() -> None:
    """Exclude all current objects, mainly modules, from later garbage collections.

    For a server that is ready: these objects live as long as the process, and a full collection
    that visits them delays a response by 50 to 90 ms.
    """
    gc.collect()
    gc.freeze()
