"""Create the rules of price alerts, and the log of those that fired."""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
)

revision = "0008"
down_revision = "0007"
# See `migrate`. Programs of earlier versions refuse every newer schema.
OLDEST_PROGRAM = "0008"

METADATA = MetaData()
OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_bin",
}
RULES = Table(
    "price_alert_rules",
    METADATA,
    Column("rule_id", String(12), primary_key=True),
    Column("symbol_id", Integer, nullable=False),
    Column("period", String(3), nullable=False),
    Column("indicator", String(100), nullable=False),
    Column("value_column", String(100), nullable=False),
    Column("params", String(1000), nullable=False),
    Column("comparison", String(20), nullable=False),
    Column("level", String(50), nullable=False),
    Column("repeats", SmallInteger, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("evaluated_open_time", BigInteger, nullable=False),
    Column("armed", SmallInteger, nullable=False),
    Column("active", SmallInteger, nullable=False),
    Column("failure", String(500), nullable=True),
    Index("ix_price_alert_rules_active", "active", "symbol_id"),
    **OPTIONS,
)
EVENTS = Table(
    "price_alert_events",
    METADATA,
    Column("rule_id", String(12), primary_key=True),
    Column("open_time", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(8), primary_key=True),
    Column("symbol_id", Integer, nullable=False),
    Column("close_time", BigInteger, nullable=False),
    Column("wording", String(500), nullable=False),
    Column("value", Double, nullable=True),
    Column("fired_at", BigInteger, nullable=False),
    Column("checked_at", BigInteger, nullable=False),
    Column("claimed_until", BigInteger, nullable=False),
    Column("sent_to", String(500), nullable=False),
    Column("sent_at", BigInteger, nullable=True),
    Column("failure", String(500), nullable=True),
    Index("ix_price_alert_events_unsent", "sent_at", "fired_at"),
    Index("ix_price_alert_events_fired", "fired_at"),
    sqlite_with_rowid=False,
    **OPTIONS,
)


def upgrade() -> None:
    """Create what is missing, so that the next run completes an interrupted one."""
    for table in (RULES, EVENTS):
        table.create(op.get_bind(), checkfirst=True)
