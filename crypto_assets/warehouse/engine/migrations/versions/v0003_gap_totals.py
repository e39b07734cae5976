"""An index from which the minutes missing of each symbol are summed without the ledger's rows."""

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
    """Creates what is missing, so that a half-done run is completed by the next."""
    TOTALS.create(op.get_bind(), checkfirst=True)
