"""A lock that one process at a time has in Dagster's MySQL database."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError

from crypto_assets.warehouse.engine.error_translation import translate_storage_errors
from crypto_assets.warehouse.engine.mysql_connections import open_storage_engine

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
    it meanwhile. Raises OrchestratorError where the server does not respond at first.
    """
    lock = _StorageLock(url, options, name)
    with translate_storage_errors(url, options):
        if not lock.take():
            _log.warning("another process has the lock %r: waiting until it ends", name)
            while not lock.take():
                pass
    stopped = threading.Event()
    keeper = threading.Thread(
        target=_keep, args=(lock, stopped, on_loss), name="storage-lock", daemon=True
    )
    keeper.start()
    try:
        yield
    finally:
        stopped.set()
        keeper.join()
        lock.close()


class _StorageLock:
    """The session that has the lock. Only one thread uses it."""

    def __init__(self, url: str, options: str, name: str) -> None:
        self._engine = open_storage_engine(url, options, _OPTIONS)
        # The names of a server's locks are shared by its databases.
        self._name = f"{make_url(url).database}/{name}"[:64]
        self._connection: Connection | None = None

    def take(self) -> bool:
        """Try for some seconds to take the lock. Raises DBAPIError."""
        if self._connection is None:
            self._connection = self._engine.connect()
        statement = "SELECT GET_LOCK(:name, :seconds)"
        return bool(self._read(self._connection, statement, seconds=_POLL_SECONDS))

    def is_ours(self) -> bool:
        """Whether this session has the lock. Raises DBAPIError."""
        if self._connection is None:
            return False
        return bool(self._read(self._connection, "SELECT IS_USED_LOCK(:name) = CONNECTION_ID()"))

    def close(self) -> None:
        """Close the session, which releases the lock."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def _read(self, connection: Connection, statement: str, **parameters: Any) -> Any:
        value = connection.execute(text(statement), {"name": self._name, **parameters}).scalar()
        connection.rollback()
        return value


def _keep(lock: _StorageLock, stopped: threading.Event, on_loss: Callable[[], None]) -> None:
    while not stopped.wait(_POLL_SECONDS):
        try:
            if lock.is_ours() or lock.take():
                continue
        except DBAPIError:
            lock.close()  # the server restarts, and no other process can have the lock yet
            continue
        on_loss()
        return
