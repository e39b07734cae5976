"""Create the drawings on the candle charts of the app."""

from alembic import op
from sqlalchemy import BigInteger, Column, MetaData, String, Table

revision = "0009"
down_revision = "0008"
# See `migrate`.
OLDEST_PROGRAM = "0008"

DRAWINGS = Table(
    "chart_drawings",
    MetaData(),
    Column("symbol", String(50), primary_key=True),
    Column("drawing_id", String(16), primary_key=True),
    Column("content", String(500), nullable=False),
    Column("changed_by", String(200), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mysql_collate="utf8mb4_bin",
    mariadb_engine="InnoDB",
    mariadb_charset="utf8mb4",
    mariadb_collate="utf8mb4_bin",
)


def upgrade() -> None:
    """Create the table if it is missing, so that the next run completes an interrupted one."""
    DRAWINGS.create(op.get_bind(), checkfirst=True)
