"""A lock for one `up` or `demo` per home: two daemons would launch every tick twice."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crypto_assets.errors import HomeTaken, WrongUse

_LOCK_NAME = "up.lock"


@contextmanager
def hold_home_lock(home: Path) -> Iterator[None]:
    """Lock Dagster's home within the `with` block; the kernel releases a killed process's lock.

    Raises HomeTaken, which names the process that has the lock, and WrongUse if the home cannot be
    written or locked.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / _LOCK_NAME).open("a+")
    except OSError as error:
        raise WrongUse(
            f"cannot write Dagster's home {home} ({error.strerror}): "
            "fix its permissions, or set another CRYPTO_HOME"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise HomeTaken(
                f"another `crypto-assets up` or `demo` (pid {lock.read().strip()}) uses {home}: "
                "stop it, or set another CRYPTO_HOME"
            ) from None
        except OSError as error:
            raise WrongUse(
                f"the file system of Dagster's home {home} does not support file locks "
                f"({error.strerror}), which SQLite needs: set CRYPTO_HOME to a local folder"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
