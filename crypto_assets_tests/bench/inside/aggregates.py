"""Measures a symbol's hours and days from scratch, as if every minute had just been loaded."""

import time

from sqlalchemy import create_engine, text

from crypto_assets.market.utc_time import HOUR_MS, Window
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_shared_context


def measure_aggregation(symbol: str, window: Window) -> float:
    """Delete a symbol's aggregates, and return the seconds of computing them once."""
    _delete_aggregates(symbol, window)
    aggregates = open_shared_context().warehouse.aggregates
    began = time.monotonic()
    hours = aggregates.recompute_hours(symbol, window, window.end_ms)
    days = aggregates.recompute_days(symbol, window, window.end_ms)
    seconds = time.monotonic() - began
    assert hours.written == 24 * days.written == (window.end_ms - window.start_ms) // HOUR_MS
    return seconds


def _delete_aggregates(symbol: str, window: Window) -> None:
    engine = create_engine(get_settings().warehouse_url.get_secret_value())
    with engine.begin() as connection:
        symbol_id = connection.execute(
            text("SELECT symbol_id FROM symbols WHERE symbol = :symbol"), {"symbol": symbol}
        ).scalar_one()
        mine = {"id": symbol_id}
        connection.execute(text("DELETE FROM stale_hours WHERE symbol_id = :id"), mine)
        hours = range(window.start_ms, window.end_ms, HOUR_MS)
        connection.execute(
            text("INSERT INTO stale_hours (symbol_id, open_time, hour_done) VALUES (:id, :at, 0)"),
            [{"at": at, **mine} for at in hours],
        )
        for table in ("hourly_klines", "daily_klines"):
            connection.execute(text(f"DELETE FROM {table} WHERE symbol_id = :id"), mine)
    engine.dispose()
