"""The database of a warehouse: connections, transactions and retries."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from crypto_assets.addresses import ESCAPING_RULES, build_escaping_hint
from crypto_assets.errors import WarehouseNotReady, WarehouseUnavailable, WrongUse
from crypto_assets.process_metrics import get_meter
from crypto_assets.service_waiter import ServiceWaiter
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames
from crypto_assets.warehouse.engine.dialect import (
    hold_advisory_lock,
    open_engine,
    open_loading_engine,
)
from crypto_assets.warehouse.engine.error_translation import format_missing_file, translate_error
from crypto_assets.warehouse.engine.mysql_options import MySQLOptions, add_mysql_options
from crypto_assets.warehouse.engine.statement_metrics import measure_statements

MAX_ATTEMPTS = 5
# With fewer rows, writing a file takes longer than INSERT.
MIN_FILE_ROWS = 300
_URL_LABEL = "the warehouse URL"
_OPTIONS_LABEL = "CRYPTO_WAREHOUSE_OPTIONS"
_BACKEND_DRIVERS = {"sqlite": "sqlite", "mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}

T = TypeVar("T")
UnitOfWork = Callable[[Connection], T]


class Database:
    """Runs units of work, each in one transaction, and retries them after transient errors.

    A unit of work may run more than once, even after a commit whose confirmation was lost. So it
    uses nothing but its connection, and a second run leaves the same rows as the first. Raises
    WarehouseUnavailable after five attempts, and every other WarehouseError immediately.

    `failover_seconds` is how long to retry on a primary that has answered before and may be
    restarting or failing over. A server that has never answered gets five attempts. Within
    `waiter.wait_up_to`, all attempts are repeated during an outage. `options`, the query of a URL,
    applies to both URLs if they name a MySQL server. Messages call settings by `names`.
    """

    def __init__(
        self,
        url: str,
        read_url: str | None = None,
        *,
        failover_seconds: float = 0,
        waiter: ServiceWaiter | None = None,
        options: str = "",
        names: SettingNames = DEFAULT_NAMES,
    ) -> None:
        self.names = names
        self.url = _parse_url(url, options)
        self.read_url = _parse_url(read_url, options) if read_url else self.url
        # Set by a bulk load when the server refuses LOAD DATA LOCAL INFILE.
        self.refuses_local_infile = False
        self._failover_seconds = failover_seconds
        self._waiter = waiter or ServiceWaiter()
        self._has_answered = False

    @cached_property
    def engine(self) -> Engine:
        return measure_statements(open_engine(self.url))

    @cached_property
    def _loading_engine(self) -> Engine:
        return measure_statements(open_loading_engine(self.url))

    @cached_property
    def read_engine(self) -> Engine:
        if not self.has_read_server:
            return self.engine
        return measure_statements(open_engine(self.read_url))

    @property
    def has_read_server(self) -> bool:
        """Whether charts read from another URL than the primary's."""
        return self.read_url != self.url

    @property
    def sqlite_path(self) -> Path | None:
        """The database file of SQLite; None on a server."""
        if self.url.get_backend_name() != "sqlite" or not self.url.database:
            return None
        return Path(self.url.database)

    def run_write(self, work: UnitOfWork[T]) -> T:
        """Run work in one transaction on the primary, committed when it returns."""
        self._require_sqlite_file()

        return self._run_on_primary(lambda: _run_transaction(self.engine, work))

    def run_bulk_load(self, rows: int, work: UnitOfWork[T]) -> T:
        """Run work as `run_write` does; with many `rows`, on a connection that can send a file.

        No other connection answers a server that requests a file.
        """
        if self.sqlite_path or rows < MIN_FILE_ROWS or self.refuses_local_infile:
            return self.run_write(work)
        return self._run_on_primary(lambda: _run_transaction(self._loading_engine, work))

    def run_exclusive_write(self, lock: str, work: UnitOfWork[T]) -> T:
        """Run work as `run_write` does, one process at a time per name of a lock."""
        self._require_sqlite_file()

        def transaction() -> T:
            engine = self.engine.execution_options(writing=True)
            with (
                engine.connect() as connection,
                hold_advisory_lock(connection, lock),
                connection.begin(),
            ):
                return work(connection)

        return self._run_on_primary(transaction)

    def run_primary_read(self, work: UnitOfWork[T]) -> T:
        """Read from the primary: the result includes the last write."""
        self._require_sqlite_file()
        return self._run_on_primary(lambda: _run_connected(self.engine, work))

    def run_snapshot_read(self, work: UnitOfWork[T]) -> T:
        """Read from the primary; all reads of the work see the rows of one moment."""
        self._require_sqlite_file()
        # SQLite's read transactions are like that anyway.
        level = {} if self.sqlite_path else {"isolation_level": "REPEATABLE READ"}
        engine = self.engine.execution_options(**level)
        return self._run_on_primary(lambda: _run_connected(engine, work))

    def run_read(self, work: UnitOfWork[T]) -> T:
        """Read from `read_url`: a replica may lag behind the last write."""
        self._require_sqlite_file()
        return self._retry_work(lambda: _run_connected(self.read_engine, work), self.read_url)

    def run_available_read(self, work: UnitOfWork[T]) -> T:
        """Read from the primary, or from `read_url` where the primary does not respond at once.

        For what users have just changed, and what charts of a replica need without the primary.
        """
        if not self.has_read_server:
            return self.run_primary_read(work)
        self._require_sqlite_file()
        try:
            return self._retry_work(lambda: _run_connected(self.engine, work), self.url, attempts=1)
        except WarehouseUnavailable:
            return self.run_read(work)

    def run_with_retries(self, work: Callable[[], T]) -> T:
        """Run work that opens its own connection to the primary; translate errors and retry."""
        return self._retry_work(work, self.url)

    def _run_on_primary(self, work: Callable[[], T]) -> T:
        """Retry for `failover_seconds` once the server has answered.

        SQLite has no fail-over, and its driver waits for other writers.
        """
        may_fail_over = self._has_answered and self.sqlite_path is None
        is_repeated = self._waiter.is_waiting_allowed
        seconds = self._failover_seconds if may_fail_over and not is_repeated else 0
        result = self._retry_work(work, self.url, seconds)
        self._has_answered = True
        return result

    def _retry_work(
        self, work: Callable[[], T], url: URL, seconds: float = 0, attempts: int = MAX_ATTEMPTS
    ) -> T:
        attempted = 0

        def attempt() -> T:
            nonlocal attempted
            attempted += 1
            if attempted > 1:
                get_meter().count_database_retry()
            try:
                return work()
            except DBAPIError as error:
                translated = translate_error(error, url, self.names)
                get_meter().count_database_error(type(translated).__name__)
                raise translated from error

        def attempt_repeatedly() -> T:
            return Retrying(
                retry=retry_if_exception_type(WarehouseUnavailable),
                stop=stop_after_attempt(attempts) & stop_after_delay(seconds),
                wait=wait_random_exponential(multiplier=0.1, max=2),
                reraise=True,
            )(attempt)

        return self._waiter.run("the warehouse", attempt_repeatedly)

    def _require_sqlite_file(self) -> None:
        """Raise WarehouseNotReady for a missing file: SQLite would create an empty database."""
        if self.sqlite_path and not self.sqlite_path.exists():
            raise WarehouseNotReady(format_missing_file(self.url, self.names))

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        for name in ("engine", "_loading_engine", "read_engine"):
            if name in self.__dict__:
                self.__dict__.pop(name).dispose()


def _run_connected(engine: Engine, work: UnitOfWork[T]) -> T:
    with engine.connect() as connection:
        return work(connection)


def _run_transaction(engine: Engine, work: UnitOfWork[T]) -> T:
    with engine.execution_options(writing=True).begin() as connection:
        return work(connection)


def _parse_url(text: str, options: str) -> URL:
    """Parse the URL of a supported database, with further options of a MySQL server.

    Raises WrongUse, without the password.
    """
    try:
        url = make_url(text, keep_blank_values=True)
        driver = _BACKEND_DRIVERS[url.get_backend_name()]
    except (ArgumentError, KeyError, ValueError):
        raise WrongUse(
            "the warehouse URL must be mysql+pymysql://user:password@host:port/database "
            f"or sqlite:////absolute/path.db{build_escaping_hint(text)}"
        ) from None
    if driver == "sqlite":
        _require_plain_file(url)
    else:
        _require_login_before_host(url)
        MySQLOptions.parse_query(url.query, _URL_LABEL)
        if options:
            url = add_mysql_options(url, options, _OPTIONS_LABEL)
    if not url.database:
        shown = url.set(query={}).render_as_string()
        raise WrongUse(f"{_URL_LABEL} {shown} does not name a database or a file")
    return url.set(drivername=driver)


def _require_plain_file(url: URL) -> None:
    if (url.database or "").startswith(("file:", ":memory:")):
        raise WrongUse(f"{_URL_LABEL} does not name a file: {url.database}")
    if url.query:
        raise WrongUse(
            f"{_URL_LABEL} of {url.database} has options, which SQLite does not support: remove "
            "the ? and what follows it, or write a ? in the path as %3F"
        )


def _require_login_before_host(url: URL) -> None:
    """Refuse an unescaped @ in the password: the rest of it would become a part of the host."""
    after_login = (url.host, url.database, *url.query)
    if any("@" in (part or "") for part in after_login):
        raise WrongUse(f"{_URL_LABEL} has more than one @: {ESCAPING_RULES}")
