"""The views for people that version 0001 creates, with symbol names and UTC times.

On MySQL a time is a DATETIME(3), independent of the session's time zone; on SQLite it is ISO text.
`open_time_ms` is the table's own column: a condition on it uses the key.
"""

_CANDLE = """SELECT s.symbol, {open_time} AS open_time, k.open, k.high, k.low, k.close, k.volume,
 {close_time} AS close_time, k.quote_volume, k.trade_count, k.taker_buy_volume,
 k.taker_buy_quote_volume, {more}, k.open_time AS open_time_ms
 FROM {table} k JOIN symbols s ON s.symbol_id = k.symbol_id"""

_ORDER_BOOK = """SELECT s.symbol, {captured_at} AS captured_at, b.last_update_id, b.side, b.level,
 b.price, b.quantity, b.captured_at AS captured_at_ms
 FROM fact_order_book b JOIN symbols s ON s.symbol_id = b.symbol_id"""

_TIME = {
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%fZ', {column} / 1000.0, 'unixepoch')",
    "mysql": (
        "CAST(TIMESTAMPADD(MICROSECOND, {column} * 1000, TIMESTAMP('1970-01-01 00:00:00'))"
        " AS DATETIME(3))"
    ),
}


def view_statements(dialect: str) -> list[str]:
    """List the DDL that creates or replaces the views on SQLite, or on MySQL and MariaDB."""
    time = _TIME.get(dialect, _TIME["mysql"])
    open_time, close_time = time.format(column="k.open_time"), time.format(column="k.close_time")
    views = {
        name: _CANDLE.format(table=table, open_time=open_time, close_time=close_time, more=more)
        for name, table, more in (
            ("klines_1m", "fact_klines", "k.fetched_at AS fetched_at_ms, k.source"),
            ("klines_1h", "hourly_klines", "k.minute_count"),
            ("klines_1d", "daily_klines", "k.minute_count"),
        )
    }
    views["order_book"] = _ORDER_BOOK.format(captured_at=time.format(column="b.captured_at"))
    if dialect == "sqlite":
        return [
            statement
            for name, select in views.items()
            for statement in (f"DROP VIEW IF EXISTS {name}", f"CREATE VIEW {name} AS {select}")
        ]
    return [f"CREATE OR REPLACE VIEW {name} AS {select}" for name, select in views.items()]
