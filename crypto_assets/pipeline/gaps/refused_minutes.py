"""Minutes of which the exchange has only rows that cannot be true."""

from collections.abc import Iterator
from contextlib import suppress

import orjson

from crypto_assets.lake import parse_key
from crypto_assets.market.candles import Candle, candles_from_table, table_from_rows
from crypto_assets.market.lake_object import Source
from crypto_assets.market.utc_time import MINUTE_MS, Window, floor_ms
from crypto_assets.warehouse import QuarantineRecord, Warehouse


def find_refused_rows(
    warehouse: Warehouse, symbol: str, window: Window
) -> dict[int, QuarantineRecord]:
    """The exchange's newest quarantined row of each minute (epoch ms) that is not stored.

    Rows from imported objects are left out: they do not come from the exchange.
    """
    rows = dict(_list_exchange_rows(warehouse, symbol, window))
    if not rows:
        return {}
    stored = {floor_ms(at, MINUTE_MS) for at in warehouse.facts.list_open_times(symbol, window)}
    return {minute: row for minute, row in rows.items() if minute not in stored}


def find_refused_candles(warehouse: Warehouse, symbol: str, window: Window) -> dict[int, Candle]:
    """The refused rows that can be parsed, as candles by open time."""
    candles: dict[int, Candle] = {}
    for row in find_refused_rows(warehouse, symbol, window).values():
        with suppress(ValueError, TypeError, OverflowError):
            (candle,) = candles_from_table(table_from_rows([orjson.loads(row.content)]))
            candles[candle.open_time] = candle
    return candles


def _list_exchange_rows(
    warehouse: Warehouse, symbol: str, window: Window
) -> Iterator[tuple[int, QuarantineRecord]]:
    for row in warehouse.quarantine.list_minute_records(symbol, window):
        parts = parse_key(row.key)
        if row.open_time is not None and parts and parts.source is not Source.IMPORT:
            yield floor_ms(row.open_time, MINUTE_MS), row
