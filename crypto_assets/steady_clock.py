"""A clock that measures how much time has passed, whatever the system's clock is set to."""

import time

# Linux stops `time.monotonic` while the machine is suspended; elsewhere it may go on.
_COUNTING_SUSPENSION = getattr(time, "CLOCK_BOOTTIME", None)


def read_steady_clock() -> float:
    """Return seconds since some moment, with the time in which the machine was suspended.

    For spans that another machine measures too. Only differences mean anything.
    """
    if _COUNTING_SUSPENSION is None:
        return time.monotonic()
    return time.clock_gettime(_COUNTING_SUSPENSION)
