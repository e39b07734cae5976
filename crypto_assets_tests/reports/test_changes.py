"""Changes in 24 hours come from stored totals, not from deliveries."""

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from crypto_assets.reports import Reports, TotalChanges
from crypto_assets.reports.dashboard import Dashboard
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.reports.conftest import UNTIL
from crypto_assets_tests.reports.stock import describe, generated, load


def board(warehouse: Warehouse, now: int) -> Dashboard:
    return Reports(warehouse, clock=lambda: now).get_dashboard()


def changes(warehouse: Warehouse, now: int) -> TotalChanges:
    found = board(warehouse, now).changes
    assert found is not None
    return found


def stock(warehouse: Warehouse, start: int, end: int) -> None:
    """Load new minutes, the first quarter of them twice."""
    window = Window(start, end)
    load(warehouse, "ETHUSDT", generated("ETHUSDT", window))
    load(warehouse, "ETHUSDT", generated("ETHUSDT", Window(start, start + (end - start) // 4)))


def test_without_a_snapshot_there_are_no_changes(warehouse: Warehouse) -> None:
    assert board(warehouse, UNTIL).changes is None


def test_repeated_deliveries_count_once(warehouse: Warehouse) -> None:
    warehouse.symbols.register_symbols([describe("ETHUSDT")])
    stock(warehouse, UNTIL - 2 * DAY_MS, UNTIL - DAY_MS - 8 * MINUTE_MS)
    warehouse.totals.record_snapshot(UNTIL - DAY_MS)
    stock(warehouse, UNTIL - DAY_MS - 8 * MINUTE_MS, UNTIL)
    found = changes(warehouse, UNTIL + MINUTE_MS)
    assert (found.since, found.candles, found.objects) == (UNTIL - DAY_MS, 1448, 2)
    assert found.lake_bytes == (1448 + 1448 // 4) * 150
    assert found.warehouse_bytes >= 0
    assert found.lag_ms == -7 * MINUTE_MS


def test_removed_objects_are_a_change(warehouse: Warehouse) -> None:
    warehouse.symbols.register_symbols([describe("ETHUSDT")])
    stock(warehouse, UNTIL - DAY_MS, UNTIL)
    warehouse.totals.record_snapshot(UNTIL)
    gone = warehouse.lake_objects.list_latest()[0]
    warehouse.lake_objects.forget_objects([gone])
    found = changes(warehouse, UNTIL + DAY_MS)
    assert (found.candles, found.objects, found.lake_bytes) == (0, -1, -gone.size_bytes)
    assert found.lag_ms == DAY_MS


def test_a_new_installation_compares_with_its_start(warehouse: Warehouse) -> None:
    warehouse.totals.record_snapshot(UNTIL - HOUR_MS)
    warehouse.symbols.register_symbols([describe("ETHUSDT")])
    stock(warehouse, UNTIL - 2 * DAY_MS, UNTIL)
    warehouse.totals.record_snapshot(UNTIL)
    found = changes(warehouse, UNTIL)
    assert (found.since, found.candles) == (UNTIL - HOUR_MS, 2 * 1440)
    assert found.lag_ms is None, "there was no candle at that time"


def test_one_snapshot_per_hour_is_kept_for_a_day(warehouse: Warehouse) -> None:
    for minute in range(0, 50 * 60, 20):
        warehouse.totals.record_snapshot(UNTIL + minute * MINUTE_MS)
    newest = UNTIL + 49 * HOUR_MS
    since = [changes(warehouse, newest + n * HOUR_MS).since for n in (0, 1, 2)]
    assert since == [newest - DAY_MS, newest - 23 * HOUR_MS, newest - 22 * HOUR_MS]
    oldest = changes(warehouse, newest - 30 * HOUR_MS).since
    assert oldest == newest - DAY_MS, "older snapshots are deleted"


def test_after_a_stop_changes_are_since_the_last_snapshot(warehouse: Warehouse) -> None:
    warehouse.totals.record_snapshot(UNTIL)
    warehouse.totals.record_snapshot(UNTIL + 9 * DAY_MS)
    assert changes(warehouse, UNTIL + 9 * DAY_MS + HOUR_MS).since == UNTIL
