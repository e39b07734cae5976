"""A named lock of a MySQL server, which one session has until it ends."""

import hashlib
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

# https://dev.mysql.com/doc/refman/8.4/en/locking-functions.html
_MAX_NAME_LENGTH = 64


class SessionLock:
    """A lock with a session of its own. Only one thread uses it.

    The server releases the lock when the session ends, however its process ends.
    """

    def __init__(self, engine: Engine, database: str, name: str) -> None:
        self._engine = engine
        # The names of a server's locks are shared by its databases.
        self._name = _shorten_name(f"{database}/{name}")
        self._connection: Connection | None = None

    def take(self, seconds: int = 0) -> bool:
        """Try to take the lock, for so many seconds. Raises DBAPIError."""
        if self._connection is None:
            self._connection = self._engine.connect()
        statement = "SELECT GET_LOCK(:name, :seconds)"
        return bool(self._read(self._connection, statement, seconds=seconds))

    def is_ours(self) -> bool:
        """Return whether the session has the lock. Raises DBAPIError."""
        if self._connection is None:
            return False
        return bool(self._read(self._connection, "SELECT IS_USED_LOCK(:name) = CONNECTION_ID()"))

    def close(self) -> None:
        """End the session, which releases the lock."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def _read(self, connection: Connection, statement: str, **parameters: Any) -> Any:
        """Read a value; after an error, the next call uses a new session."""
        try:
            value = connection.execute(text(statement), {"name": self._name, **parameters}).scalar()
            connection.rollback()
        except DBAPIError:
            self.close()
            raise
        return value


def _shorten_name(name: str) -> str:
    """Return a name that the server takes, unlike that of any other lock."""
    if len(name) <= _MAX_NAME_LENGTH:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:32]
    return f"{name[: _MAX_NAME_LENGTH - len(digest) - 1]}-{digest}"
