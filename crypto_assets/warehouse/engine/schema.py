"""The tables of the warehouse; a test compares them with what `migrations/` creates."""

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
    Text,
    UniqueConstraint,
)
from sqlalchemy.sql.schema import SchemaItem

from crypto_assets.market.candles import CANDLE_SCHEMA, VALUE_COLUMNS
from crypto_assets.market.candles import PRICE_TYPE as ARROW_PRICE
from crypto_assets.market.candles import VOLUME_TYPE as ARROW_VOLUME
from crypto_assets.market.intervals import Interval
from crypto_assets.market.symbols import MAX_SYMBOL_LENGTH
from crypto_assets.warehouse.engine.column_types import (
    BUCKET_COLUMN,
    KEY_COLUMN,
    MID_PRICE_COLUMN,
    NAME_COLUMN,
    PRICE_COLUMN,
    RATIO_COLUMN,
    VOLUME_COLUMN,
    VOLUME_SUM_COLUMN,
    DecimalColumn,
)

metadata = MetaData()


def _make_table(name: str, *items: SchemaItem) -> Table:
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


def _time_column(name: str, *, nullable: bool = False, primary_key: bool = False) -> Column[int]:
    """Epoch milliseconds, UTC."""
    return Column(name, BigInteger, nullable=nullable, primary_key=primary_key, autoincrement=False)


def _symbol_id_column() -> Column[int]:
    return Column("symbol_id", Integer, primary_key=True, autoincrement=False)


def _text_column(name: str, width: int, *, nullable: bool = False) -> Column[str]:
    return Column(name, String(width), nullable=nullable)


def _value_columns(prefix: str = "", volume: DecimalColumn = VOLUME_COLUMN) -> list[Column[object]]:
    """The columns of a candle after its open time."""
    kinds = {ARROW_PRICE: PRICE_COLUMN, ARROW_VOLUME: volume}
    return [
        Column(prefix + name, kinds.get(CANDLE_SCHEMA.field(name).type, BigInteger), nullable=False)
        for name in VALUE_COLUMNS
    ]


symbols = _make_table(
    "symbols",
    Column("symbol_id", Integer, primary_key=True),
    Column("symbol", NAME_COLUMN, nullable=False),
    Column("base", NAME_COLUMN, nullable=False),
    Column("quote", NAME_COLUMN, nullable=False),
    _text_column("status", 20),
    Column("tick_size", PRICE_COLUMN, nullable=False),
    _time_column("active_since"),
    _time_column("active_until", nullable=True),
    UniqueConstraint("symbol", name="uq_symbols_symbol"),
)

fact_klines = _make_table(
    "fact_klines",
    _symbol_id_column(),
    _time_column("open_time", primary_key=True),
    *_value_columns(),
    _time_column("fetched_at"),
    _text_column("source", 8),
)

hourly_klines, daily_klines = (
    _make_table(
        name,
        _symbol_id_column(),
        _time_column("open_time", primary_key=True),
        *_value_columns(volume=VOLUME_SUM_COLUMN),
        Column("minute_count", Integer, nullable=False),
    )
    for name in ("hourly_klines", "daily_klines")
)

# The tables of candles by their interval, narrowest first.
CANDLE_TABLES = {Interval.M1: fact_klines, Interval.H1: hourly_klines, Interval.D1: daily_klines}

# A row is inserted when an hour changes, gets hour_done = 1 when the hour is recomputed, and is
# deleted when its day is.
stale_hours = _make_table(
    "stale_hours",
    _symbol_id_column(),
    _time_column("open_time", primary_key=True),
    Column("hour_done", SmallInteger, nullable=False),
)

fact_order_book = _make_table(
    "fact_order_book",
    _symbol_id_column(),
    Column("last_update_id", BigInteger, primary_key=True, autoincrement=False),
    Column("side", String(3), primary_key=True),
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    _time_column("captured_at"),
    Column("price", PRICE_COLUMN, nullable=False),
    Column("quantity", VOLUME_COLUMN, nullable=False),
)

order_book_snapshots = _make_table(
    "order_book_snapshots",
    _symbol_id_column(),
    Column("last_update_id", BigInteger, primary_key=True, autoincrement=False),
    _time_column("captured_at"),
    Column("best_bid", PRICE_COLUMN, nullable=False),
    Column("best_ask", PRICE_COLUMN, nullable=False),
    Column("mid", MID_PRICE_COLUMN, nullable=False),
    Column("spread", PRICE_COLUMN, nullable=False),
    Column("bid_depth", VOLUME_SUM_COLUMN, nullable=False),
    Column("ask_depth", VOLUME_SUM_COLUMN, nullable=False),
    Column("imbalance", RATIO_COLUMN, nullable=False),
    Index("ix_order_book_snapshots_captured", "symbol_id", "captured_at"),
)

lake_objects = _make_table(
    "lake_objects",
    Column("bucket", BUCKET_COLUMN, primary_key=True),
    Column("key", KEY_COLUMN, primary_key=True),
    Column("symbol", NAME_COLUMN, nullable=False),
    _text_column("kind", 8),
    _text_column("source", 8),
    _time_column("first_time"),
    _time_column("last_time"),
    Column("rows", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    _text_column("sha256", 64),
    _time_column("fetched_at"),
    _time_column("loaded_at", nullable=True),
    Index("ix_lake_objects_window", "symbol", "kind", "first_time"),
    Index("ix_lake_objects_unloaded", "kind", "loaded_at", "symbol", "first_time"),
    Index("ix_lake_objects_fetched", "fetched_at"),
    Index("ix_lake_objects_totals", "bucket", "kind", "size_bytes"),
)

extraction_metadata = _make_table(
    "extraction_metadata",
    _symbol_id_column(),
    Column("kind", String(8), primary_key=True),
    _time_column("last_open_time", nullable=True),
    _time_column("last_fetch_time", nullable=True),
    Column("record_count", BigInteger, nullable=False),
    _time_column("purged_before", nullable=True),
)

# What was stored in total: one row per hour, for about a day.
totals = _make_table(
    "totals",
    _time_column("taken_at", primary_key=True),
    Column("candles", BigInteger, nullable=False),
    Column("objects", BigInteger, nullable=False),
    Column("lake_bytes", BigInteger, nullable=False),
    Column("warehouse_bytes", BigInteger, nullable=False),
    Column("lag_ms", BigInteger, nullable=True),
)

kline_gaps = _make_table(
    "kline_gaps",
    _symbol_id_column(),
    _time_column("start", primary_key=True),
    _time_column("end"),
    Column("minutes", Integer, nullable=False),
    _text_column("class", 16),
    _text_column("evidence", 500),
    _time_column("first_seen"),
    _time_column("closed_at", nullable=True),
    Column("attempts", Integer, nullable=False),
    _time_column("next_retry_at", nullable=True),
    Index("ix_kline_gaps_retry", "closed_at", "class", "next_retry_at"),
    Index("ix_kline_gaps_totals", "closed_at", "symbol_id", "class", "minutes"),
)

kline_revisions = _make_table(
    "kline_revisions",
    Column("revision_id", Integer, primary_key=True),
    Column("symbol_id", Integer, nullable=False),
    _time_column("open_time"),
    *_value_columns("old_"),
    _time_column("old_fetched_at"),
    _text_column("old_source", 8),
    *_value_columns("new_"),
    _time_column("new_fetched_at"),
    _text_column("new_source", 8),
    _time_column("noted_at"),
    Index("ix_kline_revisions_time", "symbol_id", "open_time"),
    Index("ix_kline_revisions_noted", "noted_at"),
)

exchange_conflicts = _make_table(
    "exchange_conflicts",
    _symbol_id_column(),
    Column("period", String(3), primary_key=True),
    _time_column("open_time", primary_key=True),
    _text_column("kind", 16),
    _text_column("evidence", 500),
    _time_column("recorded_at"),
    Index("ix_exchange_conflicts_recorded", "recorded_at"),
)

quarantine = _make_table(
    "quarantine",
    Column("quarantine_id", Integer, primary_key=True),
    _text_column("fingerprint", 64),
    Column("symbol", NAME_COLUMN, nullable=False),
    _text_column("kind", 8),
    Column("bucket", BUCKET_COLUMN, nullable=False),
    Column("key", KEY_COLUMN, nullable=False),
    _time_column("open_time", nullable=True),
    _text_column("reason", 500),
    Column("content", Text, nullable=False),
    _time_column("noted_at"),
    UniqueConstraint("fingerprint", name="uq_quarantine_fingerprint"),
    Index("ix_quarantine_noted", "noted_at"),
    Index("ix_quarantine_symbol", "symbol", "noted_at"),
    Index("ix_quarantine_object", "bucket", "key"),
)

app_settings = _make_table(
    "app_settings",
    Column("name", String(100), primary_key=True),
    Column("value", Text, nullable=False),
    _time_column("changed_at"),
)

audit_log = _make_table(
    "audit_log",
    Column("audit_id", Integer, primary_key=True),
    _time_column("changed_at"),
    _text_column("who", 200),
    _text_column("name", 100),
    Column("old_value", Text),
    Column("new_value", Text),
    _text_column("address", 64, nullable=True),
    Index("ix_audit_log_changed", "changed_at"),
)

# Created by users of the app; `params` is JSON, `level` an exact decimal as text.
price_alert_rules = _make_table(
    "price_alert_rules",
    Column("rule_id", String(12), primary_key=True),
    Column("symbol_id", Integer, nullable=False),
    _text_column("period", 3),
    _text_column("indicator", 100),
    _text_column("value_column", 100),
    _text_column("params", 1000),
    _text_column("comparison", 20),
    _text_column("level", 50),
    Column("repeats", SmallInteger, nullable=False),
    _text_column("created_by", 200),
    _time_column("created_at"),
    _time_column("evaluated_open_time"),
    Column("armed", SmallInteger, nullable=False),
    Column("active", SmallInteger, nullable=False),
    _text_column("failure", 500, nullable=True),
    Index("ix_price_alert_rules_active", "active", "symbol_id"),
)

# Outlives its rule: `wording` says what fired. `kind` is `fired`, or `undone` by a revision.
price_alert_events = _make_table(
    "price_alert_events",
    Column("rule_id", String(12), primary_key=True),
    _time_column("open_time", primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("symbol_id", Integer, nullable=False),
    _time_column("close_time"),
    _text_column("wording", 500),
    Column("value", Double, nullable=True),
    _time_column("fired_at"),
    _time_column("checked_at"),
    _time_column("claimed_until"),
    _text_column("sent_to", 500),
    _time_column("sent_at", nullable=True),
    _text_column("failure", 500, nullable=True),
    Index("ix_price_alert_events_unsent", "sent_at", "fired_at"),
    Index("ix_price_alert_events_fired", "fired_at"),
)
chart_drawings = _make_table(
    "chart_drawings",
    Column("symbol", String(MAX_SYMBOL_LENGTH), primary_key=True),
    Column("drawing_id", String(16), primary_key=True),
    _text_column("content", 500),
    _text_column("changed_by", 200),
    _time_column("changed_at"),
)
