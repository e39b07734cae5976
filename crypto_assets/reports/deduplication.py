"""How often minutes were delivered more than once, and that each is held once."""

from dataclasses import dataclass

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, Window, floor_ms
from crypto_assets.warehouse import Warehouse


@dataclass(frozen=True)
class SymbolDeduplication:
    """Minutes of one symbol over some days, as far as the lake still has objects of them.

    `delivered` counts the rows of all loaded objects; of these `held` became a minute of the
    warehouse, `quarantined` broke a rule, and `repeated` said again what another row had said.
    """

    symbol: str
    objects: int
    delivered: int
    held: int
    quarantined: int
    repeated: int


@dataclass(frozen=True)
class DeduplicationReport:
    """`window`, epoch ms, is of whole UTC days."""

    window: Window
    symbols: tuple[SymbolDeduplication, ...]

    @property
    def delivered(self) -> int:
        return sum(one.delivered for one in self.symbols)

    @property
    def repeated(self) -> int:
        return sum(one.repeated for one in self.symbols)


def build_deduplication_report(warehouse: Warehouse, now_ms: int, days: int) -> DeduplicationReport:
    """Of the last `days` UTC days, today included: an index range and a daily row a symbol."""
    end = floor_ms(now_ms, DAY_MS) + DAY_MS
    window = Window(end - days * DAY_MS, end)
    tracked = warehouse.symbols.list_tracked()
    return DeduplicationReport(
        window, tuple(_count_symbol_rows(warehouse, one.name, window) for one in tracked)
    )


def _count_symbol_rows(warehouse: Warehouse, symbol: str, window: Window) -> SymbolDeduplication:
    delivered = warehouse.lake_objects.count_loaded_by_day(symbol, ObjectKind.KLINES, window)
    held = warehouse.coverage.count_minutes_by_day(symbol, window)
    bad = warehouse.lake_objects.count_quarantined_by_day(symbol, ObjectKind.KLINES, window)
    days = [(rows, min(rows, held[day]), bad.get(day, 0)) for day, (_, rows) in delivered.items()]
    return SymbolDeduplication(
        symbol=symbol,
        objects=sum(count for count, _ in delivered.values()),
        delivered=sum(rows for rows, _, _ in days),
        held=sum(kept for _, kept, _ in days),
        quarantined=sum(broken for _, _, broken in days),
        repeated=sum(max(0, rows - kept - broken) for rows, kept, broken in days),
    )
