"""Translates errors of the database drivers into one line: what failed, and what to do."""

import sqlite3
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError

from crypto_assets.errors import (
    DatabaseMissing,
    OrchestratorError,
    WarehouseError,
    WarehouseNotReady,
    WarehouseRefused,
    WarehouseUnavailable,
)
from crypto_assets.foreign_text import shorten_text
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames
from crypto_assets.warehouse.engine.mysql_connections import FILE_REQUEST_REFUSED
from crypto_assets.warehouse.engine.mysql_options import add_mysql_options, may_use_tls

# https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
_ACCESS_DENIED = {1045, 1698, 1862, 3118}
_PRIVILEGE_MISSING = {1044, 1142, 1143, 1227, 1370}
# Of MySQL only: MariaDB reports a wrong password instead.
_TLS_REQUIRED = 3159
# Of the driver: encryption was requested, and the server offers none.
_TLS_MISSING = 2026
_LOGIN_FAILED = {_TLS_REQUIRED, _TLS_MISSING, *_ACCESS_DENIED}
# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL.
_WRONG_HOST = {62, 64}
_DATABASE_MISSING = 1049
_TABLE_MISSING = 1146
# A server option refuses the statement. The message names it: `--read-only` or another.
_OPTION_PREVENTS = 1290
_READ_ONLY = {1792, 1836, 1874}
_STORAGE_FULL = {1021, 1114}
_SERVER_UNREACHABLE = {2002, 2003, 2005}
# The server has too many connections, of all users or of this one.
_TOO_MANY_CONNECTIONS = {1040, 1203, 1226}
# Lock wait timeouts and deadlocks. The connection remains usable.
_LOCK_CONTENTION = {1205, 1213}
# A person or a limit ended the statement. 1969 is MariaDB's time limit, 3024 MySQL's.
_TIME_LIMIT = {1969, 3024}
_STATEMENT_INTERRUPTED = {1317, *_TIME_LIMIT}
# The server shut down, went offline, killed or lost the connection, or is a cluster node that is
# not ready.
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
class _DatabaseLabels:
    """How messages name a database, the setting of its login, and the setting of its options."""

    database: str
    login: str
    options: str


_DAGSTER_LABELS = _DatabaseLabels(
    "Dagster's database", "the variables of dagster.yaml", "DAGSTER_MYSQL_OPTIONS"
)


def translate_error(
    error: DBAPIError, url: URL, names: SettingNames = DEFAULT_NAMES
) -> WarehouseError:
    """Return the error as one of ours: WarehouseUnavailable where a retry may succeed."""
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return _translate_sqlite_error(original, str(url.database), names)
    login = names.warehouse_url
    labels = _DatabaseLabels("the warehouse", login, f"the query of {login}")
    connection_error = _translate_connection_error(original, url, labels)
    if connection_error:
        return connection_error
    text = original.args[-1] if original is not None and original.args else error
    message = shorten_text(text)
    return _translate_mysql_error(_get_error_code(original), message, url, names)


@contextmanager
def translate_storage_errors(url: str, options: str) -> Iterator[None]:
    """Translate errors of Dagster's own database into OrchestratorError.

    `options` are the value of DAGSTER_MYSQL_OPTIONS. Raises WrongUse if they are invalid.
    """
    parsed = add_mysql_options(make_url(url), options, _DAGSTER_LABELS.options)
    try:
        yield
    except DBAPIError as error:
        original = error.orig
        explained = _translate_connection_error(original, parsed, _DAGSTER_LABELS)
        place = f"{_DAGSTER_LABELS.database} at {_format_address(parsed)}"
        raise OrchestratorError(str(explained or f"{place} failed: {original}")) from error


@contextmanager
def translate_dagster_errors(home: Path) -> Iterator[None]:
    """Translate errors of an open Dagster instance's database into OrchestratorError."""
    try:
        yield
    except DBAPIError as error:
        original, place = error.orig, f"Dagster's database in {home}"
        if isinstance(original, sqlite3.Error):
            explained = str(_translate_sqlite_error(original, place))
        else:
            explained = f"{_DAGSTER_LABELS.database} failed: {original}"
        raise OrchestratorError(explained) from error


def means_server_lost(error: BaseException | None) -> bool:
    """Return whether no pooled connection reaches a usable server any more.

    After a fail-over the old server may stay up and refuse every write: connections to it still
    look usable.
    """
    code = _get_error_code(error)
    return not code or code in _CONNECTION_LOST or _is_read_only(code, str(error))


def means_storage_unavailable(error: BaseException) -> bool:
    """Return whether Dagster's storage failed because its database does not respond.

    Dagster raises an error of its own after some attempts to connect.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, DBAPIError):
        cause = cause.__cause__
    if cause is None:
        return False
    is_refused = _get_error_code(cause.orig) in _SERVER_UNREACHABLE | _TOO_MANY_CONNECTIONS
    return cause.connection_invalidated or is_refused or means_server_lost(cause.orig)


def means_connection_lost(error: BaseException | None) -> bool:
    """Return whether a retry of the statement needs another connection."""
    return means_server_lost(error) or _get_error_code(error) in _STATEMENT_INTERRUPTED


def format_missing_database(url: URL) -> str:
    name = url.database or "crypto"
    return (
        f"the database {name!r} does not exist: CREATE DATABASE {name} "
        "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;"
    )


def format_missing_file(url: URL, names: SettingNames) -> str:
    return f"there is no warehouse at {url.database}: {names.initialize}"


def _get_error_code(error: BaseException | None) -> int:
    """Return the server's error code, or 0 where the driver gives none: a broken connection."""
    code = error.args[0] if error is not None and error.args else None
    return code if isinstance(code, int) else 0


def _is_read_only(code: int, message: str) -> bool:
    # Messages in every language contain the option's name.
    return code in _READ_ONLY or (code == _OPTION_PREVENTS and "read-only" in message)


def _format_address(url: URL) -> str:
    return f"{url.host or 'localhost'}:{url.port or 3306}"


def _translate_connection_error(
    error: BaseException | None, url: URL, labels: _DatabaseLabels
) -> WarehouseError | None:
    """Explain a failure of TLS or of the login, or a hostile server; None for any other error."""
    # PyMySQL wraps the error that it met while connecting.
    cause = getattr(error, "original_exception", None)
    if isinstance(cause, ssl.SSLError):
        return _translate_tls_error(cause, url, labels)
    code = _get_error_code(error)
    if code == FILE_REQUEST_REFUSED:
        return WarehouseRefused(
            f"{labels.database} at {_format_address(url)} requested a file of this machine, and "
            f"got none: it may not be your server; check {labels.login}, and set "
            f"ssl_mode=VERIFY_IDENTITY in {labels.options}"
        )
    return WarehouseRefused(_explain_login(code, url, labels)) if code in _LOGIN_FAILED else None


def _translate_tls_error(error: ssl.SSLError, url: URL, labels: _DatabaseLabels) -> WarehouseError:
    place = f"{labels.database} at {_format_address(url)}"
    if not isinstance(error, ssl.SSLCertVerificationError):
        reason = (error.reason or str(error)).replace("_", " ").lower()
        return WarehouseUnavailable(f"TLS with {place} failed: {reason}")
    if error.verify_code in _WRONG_HOST:
        return WarehouseRefused(
            f"the TLS certificate of {place} is not for this host: connect to a host that the "
            f"certificate names, or set ssl_mode=VERIFY_CA in {labels.options}"
        )
    return WarehouseRefused(
        f"the TLS certificate of {place} is not trusted ({error.verify_message}): set "
        f"ssl_ca=FILE, with the certificate of its CA, in {labels.options}"
    )


def _explain_login(code: int, url: URL, labels: _DatabaseLabels) -> str:
    place = f"{labels.database} at {_format_address(url)}"
    if code == _TLS_REQUIRED:
        return (
            f"{place} accepts connections with TLS only: set ssl_mode=REQUIRED, or "
            f"ssl_mode=VERIFY_IDENTITY&ssl_ca=FILE, in {labels.options}"
        )
    if code == _TLS_MISSING:
        return (
            f"{place} does not offer TLS: enable it on the server, or set ssl_mode=PREFERRED, "
            f"which sends data unencrypted, in {labels.options}"
        )
    needs = (
        "a user that needs a certificate for TLS also needs ssl_cert and ssl_key"
        if may_use_tls(url)
        else "a user that needs TLS also needs ssl_mode=REQUIRED"
    )
    return (
        f"{place} rejects user {url.username!r}: check the user name and the password in "
        f"{labels.login} ({needs} in {labels.options})"
    )


def _translate_mysql_error(
    code: int, message: str, url: URL, names: SettingNames
) -> WarehouseError:
    place, user = f"the warehouse at {_format_address(url)}", f"user {url.username!r}"
    if code in _PRIVILEGE_MISSING:
        return WarehouseRefused(
            f"{user} lacks a privilege in {place}, see `crypto-assets init --grants`: {message}"
        )
    if code == _DATABASE_MISSING:
        return DatabaseMissing(format_missing_database(url))
    if code == _TABLE_MISSING:
        return WarehouseNotReady(f"{place} lacks a table, {names.initialize}: {message}")
    if _is_read_only(code, message):
        return WarehouseUnavailable(
            f"{place} is read-only: {message}; after a failover the next attempt reaches the "
            f"new server, otherwise set {names.warehouse_url} to the primary"
        )
    if code in _STORAGE_FULL:
        return WarehouseRefused(f"{place} has no disk space left: {message}")
    if code in _SERVER_UNREACHABLE:
        return WarehouseUnavailable(f"{place} does not respond: check that the server is running")
    if code in _TIME_LIMIT:
        return WarehouseUnavailable(
            f"{place} ended a statement that took too long: {message}; raise max_statement_time "
            f"(MariaDB) or max_execution_time (MySQL) for {user}"
        )
    if code in _TOO_MANY_CONNECTIONS:
        return WarehouseUnavailable(f"{place} has no free connection for {user}: {message}")
    if code in _TRANSIENT_CODES or not code:
        return WarehouseUnavailable(f"{place} interrupted the statement: {message}")
    return WarehouseError(f"{place} failed ({code}): {message}")


def _translate_sqlite_error(
    error: sqlite3.Error, place: str, names: SettingNames = DEFAULT_NAMES
) -> WarehouseError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without SQLite's extended part
    if code in _SQLITE_TRANSIENT_CODES:
        return WarehouseUnavailable(f"{place} is being written by another process")
    if "no such table" in str(error):
        return WarehouseNotReady(f"{place}: {error}; {names.initialize}")
    if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return WarehouseRefused(
            f"{place} cannot be opened for writing ({error}): check the permissions of the "
            "file and its folder"
        )
    if code == sqlite3.SQLITE_FULL:
        return WarehouseRefused(f"the disk of {place} is full")
    if code == sqlite3.SQLITE_IOERR:
        return WarehouseRefused(
            f"{place} cannot be read or written ({error}): check that its disk is not full"
        )
    if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
        return WarehouseRefused(f"{place} is not a valid SQLite file ({error})")
    return WarehouseError(f"{place} failed: {error}")
