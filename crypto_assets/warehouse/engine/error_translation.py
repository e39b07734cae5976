"""Turns a driver's error into one line that says what happened and what to do."""

import sqlite3
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError

from crypto_assets.errors import (
    OrchestratorError,
    WarehouseError,
    WarehouseNotReady,
    WarehouseRefused,
    WarehouseUnavailable,
)
from crypto_assets.warehouse.engine.mysql_options import may_use_tls

# https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
_ACCESS_DENIED = {1045, 1698, 1862, 3118}
_PRIVILEGE_MISSING = {1044, 1142, 1143, 1227, 1370}
# MySQL's alone: MariaDB answers as to a wrong password.
_TLS_REQUIRED = 3159
# The driver's: it is to encrypt, and the server does not.
_TLS_MISSING = 2026
_LOGIN_FAILED = {_TLS_REQUIRED, _TLS_MISSING, *_ACCESS_DENIED}
# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL.
_WRONG_HOST = {62, 64}
_DATABASE_MISSING = 1049
_TABLE_MISSING = 1146
# The statement was refused because of an option that the message names: `--read-only` or another.
_OPTION_PREVENTS = 1290
_READ_ONLY = {1792, 1836, 1874}
_STORAGE_FULL = {1021, 1114}
_SERVER_UNREACHABLE = {2002, 2003, 2005}
# The server has too many connections, of all users or of this one.
_TOO_MANY_CONNECTIONS = {1040, 1203, 1226}
# Lock wait timeouts and deadlocks. The connection stays good.
_LOCK_CONTENTION = {1205, 1213}
# A person or a limit ended the statement. 1969 is MariaDB's time limit, 3024 MySQL's.
_TIME_LIMIT = {1969, 3024}
_STATEMENT_INTERRUPTED = {1317, *_TIME_LIMIT}
# Shut down, offline, killed, lost, or a node of a cluster that is not ready.
_CONNECTION_LOST = {
    *(1047, 1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927),
    *(2006, 2013, 2014, 2055, 3032, 3168, 3169, 4031),
}
_TRANSIENT_CODES = {
    *_TOO_MANY_CONNECTIONS,
    *_LOCK_CONTENTION,
    *_STATEMENT_INTERRUPTED,
    *_CONNECTION_LOST,
}
_SQLITE_TRANSIENT_CODES = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


@dataclass(frozen=True)
class DatabaseLabels:
    """What errors call a database, where its login is set, and where its options."""

    database: str
    login: str
    options: str


WAREHOUSE_LABELS = DatabaseLabels(
    "the warehouse", "CRYPTO_WAREHOUSE_URL", "the query of CRYPTO_WAREHOUSE_URL"
)
_DAGSTER_LABELS = DatabaseLabels(
    "Dagster's database", "dagster.yaml's variables", "DAGSTER_MYSQL_OPTIONS"
)


def translate_error(
    error: DBAPIError, url: URL, names: DatabaseLabels = WAREHOUSE_LABELS
) -> WarehouseError:
    """The error as one of ours; WarehouseUnavailable where asking again may help."""
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return _explain_sqlite(original, url)
    # PyMySQL keeps what it met when it connected.
    met = getattr(original, "original_exception", None)
    if isinstance(met, ssl.SSLError):
        return _explain_tls(met, url, names)
    code = _error_code(original)
    if code in _LOGIN_FAILED:
        return WarehouseRefused(_explain_login(code, url, names))
    message = str(original.args[-1] if original is not None and original.args else error)
    return _explain_mysql(code, message, url)


@contextmanager
def translate_storage_errors(url: str) -> Iterator[None]:
    """Raises OrchestratorError, saying what to do, where Dagster's own database refuses."""
    try:
        yield
    except DBAPIError as error:
        raise OrchestratorError(_explain_storage(error.orig, make_url(url))) from error


def _explain_storage(error: BaseException | None, url: URL) -> str:
    met = getattr(error, "original_exception", None)
    if isinstance(met, ssl.SSLError):
        return str(_explain_tls(met, url, _DAGSTER_LABELS))
    if _error_code(error) in _LOGIN_FAILED:
        return _explain_login(_error_code(error), url, _DAGSTER_LABELS)
    return f"{_DAGSTER_LABELS.database} at {_format_address(url)} fails: {error}"


def means_server_lost(error: BaseException | None) -> bool:
    """Whether a driver's error means that no pooled connection reaches a usable server any more.

    After a fail-over the old server may stay up and refuse every write, so a connection to it
    looks alive for ever.
    """
    code = _error_code(error)
    return not code or code in _CONNECTION_LOST or _is_read_only(code, str(error))


def means_connection_lost(error: BaseException | None) -> bool:
    """Whether the statement is to be tried again on another connection."""
    return means_server_lost(error) or _error_code(error) in _STATEMENT_INTERRUPTED


def _error_code(error: BaseException | None) -> int:
    """0 where the driver gives none: its own complaint about a broken conversation."""
    code = error.args[0] if error is not None and error.args else None
    return code if isinstance(code, int) else 0


def _is_read_only(code: int, message: str) -> bool:
    # The option's name is the same in every language of the server's messages.
    return code in _READ_ONLY or (code == _OPTION_PREVENTS and "read-only" in message)


def _explain_mysql(code: int, message: str, url: URL) -> WarehouseError:
    place, user = _format_address(url), f"user {url.username!r}"
    if code in _PRIVILEGE_MISSING:
        return WarehouseRefused(
            f"{user} lacks a right at {place}, see `crypto-assets init --grants`: {message}"
        )
    if code == _DATABASE_MISSING:
        return WarehouseRefused(format_missing_database(url))
    if code == _TABLE_MISSING:
        return WarehouseNotReady(
            f"the warehouse has no table yet, run `crypto-assets init`: {message}"
        )
    if _is_read_only(code, message):
        return WarehouseUnavailable(
            f"the warehouse at {place} is read-only: {message}; after a fail-over the next attempt "
            "finds the new server, else CRYPTO_WAREHOUSE_URL must name the primary"
        )
    if code in _STORAGE_FULL:
        return WarehouseRefused(f"the warehouse at {place} has no room left: {message}")
    if code in _SERVER_UNREACHABLE:
        return WarehouseUnavailable(f"no warehouse answers at {place}: is the server running?")
    if code in _TRANSIENT_CODES or not code:
        return WarehouseUnavailable(_explain_transient(code, message, url))
    return WarehouseError(f"the warehouse at {place} failed ({code}): {message}")


def _explain_login(code: int, url: URL, names: DatabaseLabels) -> str:
    """Why nobody is let in: the name, the password, or TLS."""
    place = f"{names.database} at {_format_address(url)}"
    if code == _TLS_REQUIRED:
        return (
            f"{place} takes connections with TLS only: write ssl_mode=REQUIRED, or "
            f"ssl_mode=VERIFY_IDENTITY&ssl_ca=FILE, into {names.options}"
        )
    if code == _TLS_MISSING:
        return (
            f"{place} offers no TLS: have it set up on the server, or write ssl_mode=PREFERRED, "
            f"which sends data in the clear, into {names.options}"
        )
    needs = (
        "a user that needs a certificate for TLS also needs ssl_cert and ssl_key"
        if may_use_tls(url)
        else "a user that needs TLS also needs ssl_mode=REQUIRED"
    )
    return (
        f"{place} refuses user {url.username!r}: put name and password right in {names.login} "
        f"({needs} in {names.options})"
    )


def _explain_transient(code: int, message: str, url: URL) -> str:
    place, user = _format_address(url), f"user {url.username!r}"
    if code in _TIME_LIMIT:
        return (
            f"the warehouse at {place} ended a statement that took too long: {message}; raise "
            f"max_statement_time (MariaDB) or max_execution_time (MySQL) for {user}"
        )
    if code in _TOO_MANY_CONNECTIONS:
        return f"the warehouse at {place} has no connection free for {user}: {message}"
    return f"the warehouse at {place} broke off: {message}"


def _explain_tls(error: ssl.SSLError, url: URL, names: DatabaseLabels) -> WarehouseError:
    place = f"{names.database} at {_format_address(url)}"
    if not isinstance(error, ssl.SSLCertVerificationError):
        said = (error.reason or str(error)).replace("_", " ").lower()
        return WarehouseUnavailable(f"TLS with {place} failed: {said}")
    if error.verify_code in _WRONG_HOST:
        return WarehouseRefused(
            f"the TLS certificate of {place} is not for this host: connect to a host that it is "
            f"for, or write ssl_mode=VERIFY_CA into {names.options}"
        )
    return WarehouseRefused(
        f"the TLS certificate of {place} cannot be trusted ({error.verify_message}): name the file "
        f"of the CA that has signed it by ssl_ca=FILE in {names.options}"
    )


def _format_address(url: URL) -> str:
    return f"{url.host or 'localhost'}:{url.port or 3306}"


def format_missing_database(url: URL) -> str:
    name = url.database or "crypto"
    return (
        f"the database {name!r} does not exist: CREATE DATABASE {name} "
        "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;"
    )


def format_missing_file(url: URL) -> str:
    return f"there is no warehouse at {url.database}: run `crypto-assets init`"


def _explain_sqlite(error: sqlite3.Error, url: URL) -> WarehouseError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _SQLITE_TRANSIENT_CODES:
        return WarehouseUnavailable(f"{url.database} is being written by another process")
    if "no such table" in str(error):
        return WarehouseNotReady(f"{url.database}: {error}; run `crypto-assets init`")
    if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return WarehouseRefused(
            f"{url.database} cannot be opened for writing ({error}): check folder and rights"
        )
    if code == sqlite3.SQLITE_FULL:
        return WarehouseRefused(f"the disk under {url.database} is full")
    if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
        return WarehouseRefused(f"{url.database} is no sound SQLite file ({error})")
    return WarehouseError(f"{url.database} failed: {error}")
