"""Generated minutes and objects for tests of the warehouse."""

from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa

from crypto_assets.market.candles import CANDLE_SCHEMA
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.symbols import Symbol, SymbolStatus
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.klines.facts import KlinesBatch

SYMBOL = "BTCUSDT"
# 2024-01-01T00:00:00Z
START = 1_704_067_200_000
FETCHED = START + 30 * DAY_MS

Row = dict[str, object]


def minute(open_time: int, base: int = 100, volume: int = 7) -> Row:
    """Make a candle whose values follow from `base` and `volume`; without volume it is flat."""
    flat = not volume
    return {
        "open_time": open_time,
        "open": Decimal(base),
        "high": Decimal(base) if flat else Decimal(base) + Decimal("2.5"),
        "low": Decimal(base) if flat else Decimal(base) - Decimal("1.25"),
        "close": Decimal(base) if flat else Decimal(base) + Decimal("0.00000001"),
        "volume": Decimal(volume),
        "close_time": open_time + MINUTE_MS - 1,
        "quote_volume": Decimal(volume) * base,
        "trade_count": volume * 3,
        "taker_buy_volume": Decimal(volume) / 2,
        "taker_buy_quote_volume": Decimal(volume) * base / 2,
    }


def table(rows: Sequence[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=CANDLE_SCHEMA)


def minutes(start: int, count: int, base: int = 100) -> pa.Table:
    """Make consecutive minutes with different values, every seventh without volume."""
    return table(
        [
            minute(start + n * MINUTE_MS, base + n % 50, 0 if n % 7 == 3 else 1 + n % 11)
            for n in range(count)
        ]
    )


def batch(
    candles: pa.Table,
    fetched_at: int = FETCHED,
    source: Source = Source.ARCHIVE,
    symbol: str = SYMBOL,
) -> KlinesBatch:
    """Make a batch of candles and the lake object that contains them."""
    times = candles["open_time"].to_pylist()
    key = f"day/{symbol}_klines_{times[0]}-{times[-1]}_{source.value}.json"
    item = LakeObject(
        bucket="crypto-raw",
        key=key,
        symbol=symbol,
        kind=ObjectKind.KLINES,
        source=source,
        first_time=min(times),
        last_time=max(times),
        rows=len(times),
        size_bytes=100 * len(times),
        sha256=f"{hash((key, fetched_at)) & (2**64 - 1):064x}",
        fetched_at=fetched_at,
    )
    return item, candles


def symbol(name: str = SYMBOL) -> Symbol:
    return Symbol(name, name[:-4], name[-4:], SymbolStatus.TRADING, Decimal("0.01"))


def track(warehouse: Warehouse, *names: str) -> None:
    warehouse.symbols.register_symbols([symbol(name) for name in names or (SYMBOL,)])
