"""A lock that one restore at a time has on a warehouse, from its checks to its end."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crypto_assets.errors import WarehouseRefused, WrongUse
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import open_engine
from crypto_assets.warehouse.engine.session_lock import SessionLock

_NAME = "restore"
_REFUSAL = "another restore into this warehouse is running: wait for its end"


@contextmanager
def hold_restore_lock(database: Database) -> Iterator[Callable[[], None]]:
    """Be the only restore into a warehouse, which need not exist yet.

    Yields a check that raises WrongUse if another restore has the lock now, because the connection
    was lost. Raises WrongUse at once while another restore is running.
    """
    if path := database.sqlite_path:
        with _lock_folder(path.parent):
            yield lambda: None
        return
    engine = open_engine(database.url._replace(database=None))
    lock = SessionLock(engine, database.url.database or "", _NAME)

    def require_lock() -> None:
        if not database.run_with_retries(lambda: lock.is_ours() or lock.take()):
            raise WrongUse(_REFUSAL)

    try:
        require_lock()
        yield require_lock
    finally:
        lock.close()
        engine.dispose()


@contextmanager
def _lock_folder(folder: Path) -> Iterator[None]:
    """Lock the folder of a file that may not exist; the kernel releases a killed process's lock."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise WarehouseRefused(f"{folder} cannot be used: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WrongUse(_REFUSAL) from None
        yield
    finally:
        os.close(handle)
