"""One `up` or `demo` a home: two daemons over one Dagster would launch every tick twice."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crypto_assets.errors import HomeTaken, WrongUse

_LOCK_NAME = "up.lock"


@contextmanager
def hold_home_lock(home: Path) -> Iterator[None]:
    """Holds Dagster's home until the `with` is left; the kernel frees a killed process's hold.

    Raises HomeTaken, naming the process that holds it, and WrongUse where it cannot be written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / _LOCK_NAME).open("a+")
    except OSError as error:
        raise WrongUse(
            f"Dagster's home {home} cannot be written: {error.strerror}; "
            "mend it, or set another CRYPTO_HOME"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise HomeTaken(
                f"another `crypto-assets up` or `demo` (pid {lock.read().strip()}) serves {home}: "
                "stop it, or set another CRYPTO_HOME"
            ) from None
        except OSError as error:
            raise WrongUse(
                f"the file system of Dagster's home {home} has no file locks ({error.strerror}), "
                "which SQLite needs too: set CRYPTO_HOME to a folder on a local disk"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
