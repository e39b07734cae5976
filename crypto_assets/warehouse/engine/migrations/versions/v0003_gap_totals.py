"""Create an index that sums the missing minutes per symbol without reading the ledger's rows."""

from alembic import op
from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table

revision = "0003"
down_revision = "0002"

_GAPS = Table(
    "kline_gaps",
    MetaData(),
    Column("symbol_id", Integer),
    Column("class", String(16)),
    Column("minutes", Integer),
    Column("closed_at", BigInteger),
)
TOTALS = Index(
    "ix_kline_gaps_totals",
    *(_GAPS.c[name] for name in ("closed_at", "symbol_id", "class", "minutes")),
)


def upgrade() -> None:
    """Create what is missing, so that the next run completes an interrupted one."""
    TOTALS.create(op.get_bind(), checkfirst=True)
