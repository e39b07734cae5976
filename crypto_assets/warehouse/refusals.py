"""Turns a driver's error into one line that says what happened and what to do."""

import sqlite3

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from crypto_assets.errors import (
    WarehouseError,
    WarehouseNotReady,
    WarehouseRefused,
    WarehouseUnavailable,
)

# https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
_ACCESS_DENIED = {1045, 1698, 1862, 3118}
_RIGHT_MISSING = {1044, 1142, 1143, 1227, 1370}
_DATABASE_MISSING = 1049
_TABLE_MISSING = 1146
_READ_ONLY = {1290, 1792, 1836}
_FULL = {1021, 1114}
_UNREACHABLE = {2002, 2003, 2005}
_PASSING = {1040, 1053, 1158, 1159, 1160, 1161, 1205, 1213, 1927, 2006, 2013, 2055, 4031}
_SQLITE_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def explain(error: DBAPIError, url: URL) -> WarehouseError:
    """The error as one of ours; WarehouseUnavailable where asking again may help."""
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return _explain_sqlite(original, url)
    code = original.args[0] if original is not None and original.args else None
    message = str(original.args[-1] if original is not None and original.args else error)
    return _explain_mysql(code if isinstance(code, int) else 0, message, url)


def _explain_mysql(code: int, message: str, url: URL) -> WarehouseError:
    place, user = f"{url.host or 'localhost'}:{url.port or 3306}", f"user {url.username!r}"
    if code in _ACCESS_DENIED:
        return WarehouseRefused(
            f"the warehouse at {place} refuses {user}: "
            "put name and password right in CRYPTO_WAREHOUSE_URL"
        )
    if code in _RIGHT_MISSING:
        return WarehouseRefused(
            f"{user} lacks a right at {place}, see `crypto-assets init --grants`: {message}"
        )
    if code == _DATABASE_MISSING:
        return WarehouseRefused(missing_database(url))
    if code == _TABLE_MISSING:
        return WarehouseNotReady(
            f"the warehouse has no table yet, run `crypto-assets init`: {message}"
        )
    if code in _READ_ONLY:
        return WarehouseRefused(f"the warehouse at {place} is read-only: {message}")
    if code in _FULL:
        return WarehouseRefused(f"the warehouse at {place} has no room left: {message}")
    if code in _UNREACHABLE:
        return WarehouseUnavailable(f"no warehouse answers at {place}: is the server running?")
    if code in _PASSING or not code:
        return WarehouseUnavailable(f"the warehouse at {place} broke off: {message}")
    return WarehouseError(f"the warehouse at {place} failed ({code}): {message}")


def missing_database(url: URL) -> str:
    name = url.database or "crypto"
    return (
        f"the database {name!r} does not exist: CREATE DATABASE {name} "
        "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;"
    )


def missing_file(url: URL) -> str:
    return f"there is no warehouse at {url.database}: run `crypto-assets init`"


def _explain_sqlite(error: sqlite3.Error, url: URL) -> WarehouseError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _SQLITE_PASSING:
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
