"""The deduplication report: how often minutes were delivered more than once."""

from dataclasses import dataclass

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, Window, floor_ms
from crypto_assets.warehouse import Warehouse


@dataclass(frozen=True)
class SymbolDeduplication:
    """Rows of one symbol over some days, from the objects that the lake still has.

    `delivered` counts the rows of all loaded objects. Of these, `stored` became a minute of the
    warehouse, `quarantined` broke a rule, and `repeated` had been delivered before.
    """

    symbol: str
    objects: int
    delivered: int
    stored: int
    quarantined: int
    repeated: int


@dataclass(frozen=True)
class DeduplicationReport:
    """`window` (epoch ms) covers whole UTC days."""

    window: Window
    symbols: tuple[SymbolDeduplication, ...]

    @property
    def delivered(self) -> int:
        return sum(symbol.delivered for symbol in self.symbols)

    @property
    def repeated(self) -> int:
        return sum(symbol.repeated for symbol in self.symbols)


def build_deduplication_report(warehouse: Warehouse, now_ms: int, days: int) -> DeduplicationReport:
    """Build the report over the last `days` UTC days, today included.

    Reads one index range and one row per day for each tracked symbol.
    """
    end = floor_ms(now_ms, DAY_MS) + DAY_MS
    window = Window(end - days * DAY_MS, end)
    tracked = warehouse.symbols.list_tracked()
    return DeduplicationReport(
        window, tuple(_count_symbol_rows(warehouse, symbol.name, window) for symbol in tracked)
    )


def _count_symbol_rows(warehouse: Warehouse, symbol: str, window: Window) -> SymbolDeduplication:
    delivered = warehouse.lake_objects.count_loaded_by_day(symbol, ObjectKind.KLINES, window)
    minutes = warehouse.coverage.count_minutes_by_day(symbol, window)
    bad = warehouse.lake_objects.count_quarantined_by_day(symbol, ObjectKind.KLINES, window)
    days = [
        (rows, min(rows, minutes[day]), bad.get(day, 0)) for day, (_, rows) in delivered.items()
    ]
    return SymbolDeduplication(
        symbol=symbol,
        objects=sum(count for count, _ in delivered.values()),
        delivered=sum(rows for rows, _, _ in days),
        stored=sum(stored for _, stored, _ in days),
        quarantined=sum(quarantined for _, _, quarantined in days),
        repeated=sum(max(0, rows - stored - quarantined) for rows, stored, quarantined in days),
    )
