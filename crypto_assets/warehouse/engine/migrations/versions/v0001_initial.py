"""Create the first schema: tables, indexes and the views for people.

Frozen: a later change is another version, so this module does not import `schema.py`.
"""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.sql.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from crypto_assets.warehouse.engine.column_types import DecimalColumn
from crypto_assets.warehouse.engine.migrations.views_0001 import view_statements

revision = "0001"
down_revision = None

PRICE, VOLUME, VOLUME_SUM = DecimalColumn(20, 8), DecimalColumn(30, 8), DecimalColumn(38, 8)
MID, RATIO = DecimalColumn(21, 9), DecimalColumn(12, 10)
NAME, BUCKET, KEY = String(20), String(250), String(500)

metadata = MetaData()


def _table(name: str, *items: SchemaItem) -> Table:
    return Table(
        name,
        metadata,
        *items,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        # A table with a compound key is stored by it, without a second tree by row number.
        sqlite_with_rowid=sum(isinstance(i, Column) and i.primary_key for i in items) < 2,
    )


def _time(name: str, *, nullable: bool = False, primary_key: bool = False) -> Column[int]:
    """Epoch milliseconds, UTC."""
    return Column(name, BigInteger, nullable=nullable, primary_key=primary_key, autoincrement=False)


def _symbol_id() -> Column[int]:
    return Column("symbol_id", Integer, primary_key=True, autoincrement=False)


def _text(name: str, width: int, *, nullable: bool = False) -> Column[str]:
    return Column(name, String(width), nullable=nullable)


def _values(prefix: str = "", volume: DecimalColumn = VOLUME) -> list[Column[Any]]:
    """The columns of a candle after its open time."""
    kinds: dict[str, TypeEngine[Any]] = {
        "open": PRICE,
        "high": PRICE,
        "low": PRICE,
        "close": PRICE,
        "volume": volume,
        "close_time": BigInteger(),
        "quote_volume": volume,
        "trade_count": BigInteger(),
        "taker_buy_volume": volume,
        "taker_buy_quote_volume": volume,
    }
    return [Column(prefix + name, kind, nullable=False) for name, kind in kinds.items()]


_table(
    "symbols",
    Column("symbol_id", Integer, primary_key=True),
    Column("symbol", NAME, nullable=False),
    Column("base", NAME, nullable=False),
    Column("quote", NAME, nullable=False),
    _text("status", 20),
    Column("tick_size", PRICE, nullable=False),
    _time("active_since"),
    _time("active_until", nullable=True),
    UniqueConstraint("symbol", name="uq_symbols_symbol"),
)

_table(
    "fact_klines",
    _symbol_id(),
    _time("open_time", primary_key=True),
    *_values(),
    _time("fetched_at"),
    _text("source", 8),
)

for _name in ("hourly_klines", "daily_klines"):
    _table(
        _name,
        _symbol_id(),
        _time("open_time", primary_key=True),
        *_values(volume=VOLUME_SUM),
        Column("minute_count", Integer, nullable=False),
    )

# A row is inserted when an hour changes, gets hour_done = 1 when the hour is recomputed, and is
# deleted when its day is.
_table(
    "stale_hours",
    _symbol_id(),
    _time("open_time", primary_key=True),
    Column("hour_done", SmallInteger, nullable=False),
)

_table(
    "fact_order_book",
    _symbol_id(),
    Column("last_update_id", BigInteger, primary_key=True, autoincrement=False),
    Column("side", String(3), primary_key=True),
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    _time("captured_at"),
    Column("price", PRICE, nullable=False),
    Column("quantity", VOLUME, nullable=False),
)

_table(
    "order_book_snapshots",
    _symbol_id(),
    Column("last_update_id", BigInteger, primary_key=True, autoincrement=False),
    _time("captured_at"),
    Column("best_bid", PRICE, nullable=False),
    Column("best_ask", PRICE, nullable=False),
    Column("mid", MID, nullable=False),
    Column("spread", PRICE, nullable=False),
    Column("bid_depth", VOLUME_SUM, nullable=False),
    Column("ask_depth", VOLUME_SUM, nullable=False),
    Column("imbalance", RATIO, nullable=False),
    Index("ix_order_book_snapshots_captured", "symbol_id", "captured_at"),
)

_table(
    "lake_objects",
    Column("bucket", BUCKET, primary_key=True),
    Column("key", KEY, primary_key=True),
    Column("symbol", NAME, nullable=False),
    _text("kind", 8),
    _text("source", 8),
    _time("first_time"),
    _time("last_time"),
    Column("rows", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    _text("sha256", 64),
    _time("fetched_at"),
    _time("loaded_at", nullable=True),
    Index("ix_lake_objects_window", "symbol", "kind", "first_time"),
    Index("ix_lake_objects_unloaded", "kind", "loaded_at", "symbol", "first_time"),
    Index("ix_lake_objects_fetched", "fetched_at"),
    Index("ix_lake_objects_totals", "bucket", "kind", "size_bytes"),
)

_table(
    "extraction_metadata",
    _symbol_id(),
    Column("kind", String(8), primary_key=True),
    _time("last_open_time", nullable=True),
    _time("last_fetch_time", nullable=True),
    Column("record_count", BigInteger, nullable=False),
    _time("purged_before", nullable=True),
)

_table(
    "kline_gaps",
    _symbol_id(),
    _time("start", primary_key=True),
    _time("end"),
    Column("minutes", Integer, nullable=False),
    _text("class", 16),
    _text("evidence", 500),
    _time("first_seen"),
    _time("closed_at", nullable=True),
    Column("attempts", Integer, nullable=False),
    _time("next_retry_at", nullable=True),
    Index("ix_kline_gaps_retry", "closed_at", "class", "next_retry_at"),
)

_table(
    "kline_revisions",
    Column("revision_id", Integer, primary_key=True),
    Column("symbol_id", Integer, nullable=False),
    _time("open_time"),
    *_values("old_"),
    _time("old_fetched_at"),
    _text("old_source", 8),
    *_values("new_"),
    _time("new_fetched_at"),
    _text("new_source", 8),
    _time("noted_at"),
    Index("ix_kline_revisions_time", "symbol_id", "open_time"),
    Index("ix_kline_revisions_noted", "noted_at"),
)

_table(
    "quarantine",
    Column("quarantine_id", Integer, primary_key=True),
    _text("fingerprint", 64),
    Column("symbol", NAME, nullable=False),
    _text("kind", 8),
    Column("bucket", BUCKET, nullable=False),
    Column("key", KEY, nullable=False),
    _time("open_time", nullable=True),
    _text("reason", 500),
    Column("content", Text, nullable=False),
    _time("noted_at"),
    UniqueConstraint("fingerprint", name="uq_quarantine_fingerprint"),
    Index("ix_quarantine_noted", "noted_at"),
    Index("ix_quarantine_symbol", "symbol", "noted_at"),
)

_table(
    "app_settings",
    Column("name", String(100), primary_key=True),
    Column("value", Text, nullable=False),
    _time("changed_at"),
)

_table(
    "audit_log",
    Column("audit_id", Integer, primary_key=True),
    _time("changed_at"),
    _text("who", 200),
    _text("name", 100),
    Column("old_value", Text),
    Column("new_value", Text),
    Index("ix_audit_log_changed", "changed_at"),
)


def upgrade() -> None:
    """Create what is missing, so that the next run completes an interrupted one."""
    connection = op.get_bind()
    for table in metadata.sorted_tables:
        table.create(connection, checkfirst=True)
        for index in table.indexes:
            index.create(connection, checkfirst=True)
    for statement in view_statements(connection.dialect.name):
        connection.execute(text(statement))
