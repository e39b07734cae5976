"""Create the table of hourly totals, from which the change over a day is computed."""

from alembic import op
from sqlalchemy import BigInteger, Column, MetaData, Table

revision = "0002"
down_revision = "0001"

TOTALS = Table(
    "totals",
    MetaData(),
    Column("taken_at", BigInteger, primary_key=True, autoincrement=False),
    Column("candles", BigInteger, nullable=False),
    Column("objects", BigInteger, nullable=False),
    Column("lake_bytes", BigInteger, nullable=False),
    Column("warehouse_bytes", BigInteger, nullable=False),
    Column("lag_ms", BigInteger, nullable=True),
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mysql_collate="utf8mb4_bin",
    mariadb_engine="InnoDB",
    mariadb_charset="utf8mb4",
    mariadb_collate="utf8mb4_bin",
)


def upgrade() -> None:
    """Create what is missing, so that the next run completes an interrupted one."""
    TOTALS.create(op.get_bind(), checkfirst=True)
