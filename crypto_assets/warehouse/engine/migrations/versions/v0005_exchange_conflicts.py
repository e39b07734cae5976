"""Create the record of the periods in which the exchange contradicts itself."""

from alembic import op
from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table

revision = "0005"
down_revision = "0004"

CONFLICTS = Table(
    "exchange_conflicts",
    MetaData(),
    Column("symbol_id", Integer, primary_key=True, autoincrement=False),
    Column("period", String(3), primary_key=True),
    Column("open_time", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("evidence", String(500), nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Index("ix_exchange_conflicts_recorded", "recorded_at"),
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mysql_collate="utf8mb4_bin",
    mariadb_engine="InnoDB",
    mariadb_charset="utf8mb4",
    mariadb_collate="utf8mb4_bin",
    sqlite_with_rowid=False,
)


def upgrade() -> None:
    """Create what is missing, so that the next run completes an interrupted one."""
    CONFLICTS.create(op.get_bind(), checkfirst=True)
