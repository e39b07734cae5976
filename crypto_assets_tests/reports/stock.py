"""A warehouse stocked with generated candles, as the pipeline would leave it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from crypto_assets.exchange.simulated import GeneratedCandles
from crypto_assets.market.clock import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.symbols import Symbol, SymbolStatus
from crypto_assets.warehouse import Warehouse

SEED = 7


def open_warehouse(folder: Path, symbols: Iterable[str]) -> Warehouse:
    """An embedded warehouse with symbols registered and no candle."""
    warehouse = Warehouse(f"sqlite:///{folder / 'warehouse.db'}")
    warehouse.migrate()
    warehouse.symbols.register([describe(name) for name in symbols])
    return warehouse


def describe(name: str, status: SymbolStatus = SymbolStatus.TRADING) -> Symbol:
    listing = GeneratedCandles(SEED).symbols[name]
    return Symbol(name, listing.base, listing.quote, status, listing.tick_size)


def generated(symbol: str, window: Window, holes: Sequence[Window] = ()) -> pa.Table:
    """The exchange's minutes of a window, without those that open in a hole."""
    table = GeneratedCandles(SEED).candles(symbol, Interval.M1, window)
    kept = [not any(time in hole for hole in holes) for time in table["open_time"].to_pylist()]
    return table.filter(pa.array(kept, pa.bool_()))


def load(warehouse: Warehouse, symbol: str, candles: pa.Table) -> None:
    """Loads minutes, as of one object, and computes the hours and days that have closed."""
    opened = candles["open_time"]
    first, last = opened[0].as_py(), opened[-1].as_py()
    item = LakeObject(
        bucket="raw",
        key=f"{symbol}_klines_{first}-{last}_rest.json",
        symbol=symbol,
        kind=ObjectKind.KLINES,
        source=Source.REST,
        first_time=first,
        last_time=last,
        rows=candles.num_rows,
        size_bytes=candles.num_rows * 150,
        sha256=f"{first}-{last}",
        fetched_at=last + MINUTE_MS,
    )
    warehouse.objects.record([item])
    warehouse.facts.load(symbol, [(item, candles)])
    window = Window(floor_ms(first, DAY_MS), last + HOUR_MS)
    warehouse.aggregates.hours(symbol, window, last + MINUTE_MS)
    warehouse.aggregates.days(symbol, window, last + MINUTE_MS)


