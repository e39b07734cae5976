"""The SQL by which an administrator grants the program its rights on a MySQL or MariaDB server."""

from sqlalchemy import URL
from sqlalchemy.dialects import mysql

_WRITER_GRANTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE VIEW, SHOW VIEW"
)
_READER_GRANTS = "SELECT, SHOW VIEW"


def format_grant_statements(url: URL) -> str:
    """Format SQL that creates the database, a writer (the URL's user) and a reader.

    The administrator replaces `choose-a-password`. SQLite has no users: the permissions of its
    file apply, and the result is a comment.
    """
    if url.get_backend_name() == "sqlite":
        return "-- SQLite has no users: the permissions of its file apply.\n"
    database = mysql.dialect().identifier_preparer.quote_identifier(url.database or "")
    lines = [f"CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;"]
    for user, rights in (
        (url.username or "crypto", _WRITER_GRANTS),
        ("crypto_reader", _READER_GRANTS),
    ):
        account = f"{_quote_text(user)}@'%'"
        lines.append(f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY 'choose-a-password';")
        lines.append(f"GRANT {rights} ON {database}.* TO {account};")
    return "\n".join(lines) + "\n"


def _quote_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
