"""The SQL by which an administrator grants the program its rights on a MySQL or MariaDB server."""

from collections.abc import Iterator

from sqlalchemy import URL
from sqlalchemy.dialects import mysql

from crypto_assets.warehouse.engine.schema import (
    app_settings,
    audit_log,
    chart_drawings,
    metadata,
    price_alert_events,
    price_alert_rules,
    quarantine,
)

# Tables with secrets, logs, people's rules and drawings, and unchecked input, which the user of
# charts cannot read.
PRIVATE_TABLES = (
    app_settings,
    audit_log,
    chart_drawings,
    price_alert_rules,
    price_alert_events,
    quarantine,
)
VIEWS = ("klines_1m", "klines_1h", "klines_1d", "order_book")
_WRITER_GRANTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE VIEW, SHOW VIEW"
)
# What earlier versions granted the reader on the whole database.
_EARLIER_READER_GRANTS = "SELECT, SHOW VIEW"


def list_readable_tables() -> list[str]:
    """List the tables and views that the user of charts reads."""
    return [t.name for t in metadata.sorted_tables if t not in PRIVATE_TABLES] + list(VIEWS)


def format_grant_statements(url: URL, read_url: URL) -> str:
    """Format SQL that creates the database, a writer (the URL's user) and a reader.

    The reader is the user of `read_url`, or `crypto_reader` if both URLs have the same user. The
    administrator replaces `choose-a-password`. SQLite has no users: the permissions of its file
    apply, and the result is a comment.
    """
    if url.get_backend_name() == "sqlite":
        return "-- SQLite has no users: the permissions of its file apply.\n"
    database, writer = _quote_name(url.database), url.username or "crypto"
    reader = read_url.username or "crypto_reader"
    reader = "crypto_reader" if reader == writer else reader
    lines = [f"CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;"]
    for user in (writer, reader):
        account = _quote_account(user)
        lines.append(f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY 'choose-a-password';")
    lines.append(f"GRANT {_WRITER_GRANTS} ON {database}.* TO {_quote_account(writer)};")
    lines += _format_reader_statements(database, _quote_account(reader))
    return "\n".join(lines) + "\n"


def format_revoke_statement(url: URL) -> str:
    """Format the SQL that takes back what earlier versions granted the user of a read URL."""
    place = f"{_quote_name(url.database)}.*"
    return f"REVOKE {_EARLIER_READER_GRANTS} ON {place} FROM {_quote_account(url.username or '')};"


def _format_reader_statements(database: str, account: str) -> Iterator[str]:
    """Grant SELECT on tables that need not exist yet.

    A server grants rights on a missing table only together with CREATE, which is then revoked.
    """
    for name in list_readable_tables():
        table = f"{database}.{_quote_name(name)}"
        yield f"GRANT SELECT, CREATE ON {table} TO {account};"
        yield f"REVOKE CREATE ON {table} FROM {account};"


def _quote_name(name: str | None) -> str:
    return mysql.dialect().identifier_preparer.quote_identifier(name or "")


def _quote_account(user: str) -> str:
    return f"{_quote_text(user)}@'%'"


def _quote_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
