"""A lock that one process at a time has in Dagster's MySQL database."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from crypto_assets.warehouse.engine.error_translation import translate_storage_errors
from crypto_assets.warehouse.engine.mysql_connections import open_storage_engine
from crypto_assets.warehouse.engine.session_lock import SessionLock

_OPTIONS = "DAGSTER_MYSQL_OPTIONS"
_POLL_SECONDS = 5
_log = logging.getLogger(__name__)


@contextmanager
def hold_storage_lock(
    url: str, options: str, name: str, on_loss: Callable[[], None]
) -> Iterator[None]:
    """Wait for the lock of a name, and have it in the `with` block.

    The server releases the lock of a process that ends, however it ends. A lost connection is
    opened again and the lock is taken again; `on_loss` is called once if another process has taken
    it meanwhile, or if this process can no longer find out. Raises OrchestratorError where the
    server does not respond at first.
    """
    engine = open_storage_engine(url, options, _OPTIONS)
    lock = SessionLock(engine, make_url(url).database or "", name)
    with translate_storage_errors(url, options):
        if not lock.take():
            _log.warning("another process has the lock %r: waiting until it ends", name)
            while not lock.take(_POLL_SECONDS):
                pass
    stopped = threading.Event()
    keeper = threading.Thread(
        target=_keep_lock, args=(lock, stopped, on_loss), name="storage-lock", daemon=True
    )
    keeper.start()
    try:
        yield
    finally:
        stopped.set()
        keeper.join()
        lock.close()


def _keep_lock(lock: SessionLock, stopped: threading.Event, on_loss: Callable[[], None]) -> None:
    """Watch the lock until `stopped`; call `on_loss` if the thread ends otherwise."""
    try:
        while not stopped.wait(_POLL_SECONDS):
            try:
                # Without waiting: another process that has it now has used the storage.
                if not (lock.is_ours() or lock.take()):
                    break
            except DBAPIError:
                continue  # the server restarts, and no other process can have the lock yet
    finally:
        if not stopped.is_set():
            on_loss()
