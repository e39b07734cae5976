"""The server that charts read from: how far it is behind, and what its user may read."""

import time

from sqlalchemy import Connection, Table, func, select

from crypto_assets.errors import WarehouseRefused
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.grants import PRIVATE_TABLES, format_revoke_statement
from crypto_assets.warehouse.engine.mysql_connections import (
    find_unencrypted_host,
    format_clear_text_warning,
)
from crypto_assets.warehouse.engine.schema import extraction_metadata

# A replica that works applies a load within milliseconds.
_CATCH_UP_SECONDS = 1.0
_POLL_SECONDS = 0.1


class ReadServer:
    """The server of `read_url`, if there is one: a replica, or the primary with another user."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def is_separate(self) -> bool:
        """Whether there is a `read_url`."""
        return self._database.has_read_server

    def measure_lag(self) -> int:
        """Return by how many ms its newest fetch is older than the primary's; 0 if it has all.

        Both are read, so the result says what is missing, whatever the state of the replication.
        Waits up to a second for the replica to apply what the primary has just stored.
        """
        if not self._database.has_read_server:
            return 0
        newest, oldest = self._database.run_primary_read(_read_fetch_times)
        deadline = time.monotonic() + _CATCH_UP_SECONDS
        while True:
            readable, _ = self._database.run_read(_read_fetch_times)
            if readable >= newest:
                return 0
            if time.monotonic() >= deadline:
                # An empty replica is behind by all that the primary has.
                return newest - (readable or oldest - 1)
            time.sleep(_POLL_SECONDS)

    def list_warnings(self) -> list[str]:
        """List what makes its use unsafe: a user with too many rights, a connection without TLS."""
        return [
            *self._list_exposed_tables(),
            *(format_clear_text_warning(host) for host in self._list_unencrypted_hosts()),
        ]

    def _list_unencrypted_hosts(self) -> list[str]:
        reads = (self._database.run_primary_read, self._database.run_read)
        hosts = {host for read in reads if (host := read(find_unencrypted_host))}
        return sorted(hosts)

    def _list_exposed_tables(self) -> list[str]:
        url = self._database.read_url
        if not self._database.has_read_server or url.username == self._database.url.username:
            return []
        exposed = [table.name for table in PRIVATE_TABLES if self._can_read(table)]
        if not exposed:
            return []
        return [
            f"the read-only user {url.username!r} can read {', '.join(exposed)}, which hold "
            f"secrets and logs: as an administrator, run {format_revoke_statement(url)} and then "
            "what `crypto-assets init --grants` prints"
        ]

    def _can_read(self, table: Table) -> bool:
        try:
            self._database.run_read(lambda c: c.execute(select(table).limit(0)))
        except WarehouseRefused:
            return False
        return True


def _read_fetch_times(connection: Connection) -> tuple[int, int]:
    """Read the newest and the oldest of the symbols' latest fetches, in epoch ms; 0 for none."""
    times = extraction_metadata.c.last_fetch_time
    newest, oldest = connection.execute(select(func.max(times), func.min(times))).one()
    return newest or 0, oldest or 0
