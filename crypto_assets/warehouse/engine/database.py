"""One database: its connections, transactions and retries."""

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
from crypto_assets.warehouse.engine.dialect import hold_advisory_lock, open_engine
from crypto_assets.warehouse.engine.error_translation import format_missing_file, translate_error
from crypto_assets.warehouse.engine.mysql_options import MySQLOptions

MAX_ATTEMPTS = 5
_URL_LABEL = "the warehouse URL"
_BACKEND_DRIVERS = {"sqlite": "sqlite", "mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}

T = TypeVar("T")
UnitOfWork = Callable[[Connection], T]


class Database:
    """Runs units of work, each in one transaction, and again where the failure was a passing one.

    Work may therefore run more than once, also after a commit whose answer was lost; it must touch
    nothing but its connection, and its second run must leave what the first one left. Raises
    WarehouseUnavailable after five attempts, and the other WarehouseErrors at once.

    `failover_seconds`: how long to go on asking a primary that has answered before, which may be
    restarted or failed over. A server that has never answered is given five attempts.
    """

    def __init__(
        self, url: str, read_url: str | None = None, *, failover_seconds: float = 0
    ) -> None:
        self.url = _parse_url(url)
        self.read_url = _parse_url(read_url) if read_url else self.url
        # Bulk loads remember here that the server takes no LOAD DATA LOCAL INFILE.
        self.refuses_local_infile = False
        self._failover_seconds = failover_seconds
        self._has_answered = False

    @cached_property
    def engine(self) -> Engine:
        return open_engine(self.url)

    @cached_property
    def read_engine(self) -> Engine:
        return self.engine if self.read_url == self.url else open_engine(self.read_url)

    @property
    def sqlite_path(self) -> Path | None:
        """The database's file where it is SQLite."""
        if self.url.get_backend_name() != "sqlite" or not self.url.database:
            return None
        return Path(self.url.database)

    def run_write(self, work: UnitOfWork[T]) -> T:
        """One transaction on the primary, committed when `work` returns."""
        self._require_sqlite_file()

        def transaction() -> T:
            with self.engine.execution_options(writing=True).begin() as connection:
                return work(connection)

        return self._run_on_primary(transaction)

    def run_exclusive_write(self, lock: str, work: UnitOfWork[T]) -> T:
        """As `write`, one process at a time for all work under the same lock's name."""
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
        """What must be as new as the last write."""
        self._require_sqlite_file()
        return self._run_on_primary(lambda: _run_connected(self.engine, work))

    def run_read(self, work: UnitOfWork[T]) -> T:
        """What may be a replica's."""
        self._require_sqlite_file()
        return self._retry_work(lambda: _run_connected(self.read_engine, work), self.read_url)

    def run_with_retries(self, work: Callable[[], T]) -> T:
        """Runs what opens its own connection to the primary, with retries and our errors."""
        return self._retry_work(work, self.url)

    def _run_on_primary(self, work: Callable[[], T]) -> T:
        """Retries for the length of a fail-over, once the server has answered.

        SQLite has none, and waits for other writers by itself.
        """
        patient = self._has_answered and self.sqlite_path is None
        result = self._retry_work(work, self.url, self._failover_seconds if patient else 0)
        self._has_answered = True
        return result

    def _retry_work(self, work: Callable[[], T], url: URL, seconds: float = 0) -> T:
        def explained() -> T:
            try:
                return work()
            except DBAPIError as error:
                raise translate_error(error, url) from error

        return Retrying(
            retry=retry_if_exception_type(WarehouseUnavailable),
            stop=stop_after_attempt(MAX_ATTEMPTS) & stop_after_delay(seconds),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            reraise=True,
        )(explained)

    def _require_sqlite_file(self) -> None:
        """SQLite would create an empty file where nothing is, and call it a database."""
        if self.sqlite_path and not self.sqlite_path.exists():
            raise WarehouseNotReady(format_missing_file(self.url))

    def close(self) -> None:
        for name in ("engine", "read_engine"):
            if name in self.__dict__:
                self.__dict__.pop(name).dispose()


def _run_connected(engine: Engine, work: UnitOfWork[T]) -> T:
    with engine.connect() as connection:
        return work(connection)


def _parse_url(text: str) -> URL:
    """Raises WrongUse, without the password, where the URL names no database that we speak."""
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
    if not url.database:
        shown = url.set(query={}).render_as_string()
        raise WrongUse(f"{_URL_LABEL} {shown} names no database or file")
    return url.set(drivername=driver)


def _require_plain_file(url: URL) -> None:
    if (url.database or "").startswith(("file:", ":memory:")):
        raise WrongUse(f"{_URL_LABEL} names no file: {url.database}")
    if url.query:
        raise WrongUse(
            f"{_URL_LABEL} of {url.database} takes no options on SQLite: leave out what follows the "
            "?, or write a ? of the path as %3F"
        )


def _require_login_before_host(url: URL) -> None:
    """An unescaped @ in the password makes its rest a part of the host, of the path or more."""
    after_login = (url.host, url.database, *url.query)
    if any("@" in (part or "") for part in after_login):
        raise WrongUse(f"{_URL_LABEL} has an @ too many: {ESCAPING_RULES}")
