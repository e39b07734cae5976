"""Reads and changes stored minutes in ways that only tests need."""

import numpy as np
from sqlalchemy import Connection

from crypto_assets.market.utc_time import HOUR_MS, Window, floor_ms, now_ms
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.engine.schema import fact_klines
from crypto_assets.warehouse.klines.load_transaction import LoadTransaction
from crypto_assets.warehouse.quality.gap_detection import MissingRange, find_missing_ranges
from crypto_assets.warehouse.quality.gap_ledger import _clip_to_unexpired


def delete_minutes(warehouse: Warehouse, symbol: str, window: Window) -> None:
    """Delete the stored minutes of a window, and mark its hours as stale."""
    symbol_id = warehouse.symbols.get_id(symbol)
    database = warehouse._database

    def work(connection: Connection) -> None:
        load = LoadTransaction(database, connection, symbol, symbol_id, now_ms())
        start = max(window.start_ms, load._mark.purged_before or window.start_ms)
        open_time = fact_klines.c.open_time
        load._delete_minutes(open_time >= start, open_time < window.end_ms)
        load._mark_hours_stale(np.arange(floor_ms(start, HOUR_MS), window.end_ms, HOUR_MS))
        load.finish_load([])

    database.run_write(work)


def detect_missing_ranges(
    warehouse: Warehouse, symbol: str, window: Window, within: Window | None = None
) -> list[MissingRange]:
    """The missing ranges that the gap ledger's refresh would record for a window."""
    symbol_id = warehouse.symbols.get_id(symbol)
    return warehouse._database.run_primary_read(
        lambda c: find_missing_ranges(
            c, symbol_id, *_clip_to_unexpired(c, symbol_id, window, within or window)
        )
    )
