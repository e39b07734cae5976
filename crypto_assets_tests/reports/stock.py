"""Fill a warehouse with generated candles, as the pipeline would."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from crypto_assets.exchange.simulated import GeneratedCandles
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.symbols import Symbol, SymbolStatus
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms
from crypto_assets.warehouse import Warehouse

SEED = 7


def describe(name: str, status: SymbolStatus = SymbolStatus.TRADING) -> Symbol:
    """Return a symbol as the simulated exchange lists it."""
    listing = GeneratedCandles(SEED).symbols[name]
    return Symbol(name, listing.base, listing.quote, status, listing.tick_size)


def generated(symbol: str, window: Window, holes: Sequence[Window] = ()) -> pa.Table:
    """Return the exchange's minutes of a window, without those that open in a hole."""
    table = GeneratedCandles(SEED).select_candles(symbol, Interval.M1, window)
    opened = table["open_time"].to_numpy()
    kept = np.ones(len(opened), bool)
    for hole in holes:
        kept &= (opened < hole.start_ms) | (opened >= hole.end_ms)
    return table.filter(pa.array(kept))


def load(warehouse: Warehouse, symbol: str, candles: pa.Table) -> None:
    """Load minutes as the rows of one object, and compute the hours and days they close."""
    load_facts(warehouse, symbol, candles)
    opened = candles["open_time"]
    known_until = opened[-1].as_py() + MINUTE_MS
    window = Window(floor_ms(opened[0].as_py(), DAY_MS), known_until)
    warehouse.aggregates.recompute_hours(symbol, window, known_until)
    warehouse.aggregates.recompute_days(symbol, window, known_until)


def load_facts(warehouse: Warehouse, symbol: str, candles: pa.Table) -> None:
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
    warehouse.lake_objects.record_objects([item])
    warehouse.facts.load_objects(symbol, [(item, candles)])


def hole_before(end_ms: int, hours: int, minutes: int) -> Window:
    """Return a window of `minutes` that ends on the hour, `hours` before `end_ms`."""
    end = floor_ms(end_ms, HOUR_MS) - hours * HOUR_MS
    return Window(end - minutes * MINUTE_MS, end)
