"""The stages from exchange to days: what each stores, received recently and has waiting."""

from dataclasses import replace

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms
from crypto_assets.reports import FlowStage, Reports
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.reports.conftest import STOCK, UNTIL
from crypto_assets_tests.reports.stock import describe, generated, load, load_facts

MINUTES = (STOCK.end_ms - STOCK.start_ms) // MINUTE_MS


def test_each_stage_counts_its_items(reports: Reports) -> None:
    flow = reports.get_data_flow()
    stored = {counts.stage: counts.stored for counts in flow.stages}
    assert stored[FlowStage.EXCHANGE] == 3
    assert stored[FlowStage.CANDLE_OBJECTS] == 2
    assert stored[FlowStage.MINUTES] == 2 * MINUTES - 140
    assert stored[FlowStage.BOOKS] == stored[FlowStage.BOOK_OBJECTS] == 0


def test_recent_is_an_hour_of_minutes_a_day_of_hours_thirty_days_of_days(reports: Reports) -> None:
    flow = reports.get_data_flow()
    assert flow[FlowStage.MINUTES].recent == 2 * 59
    assert flow[FlowStage.HOURS].recent == 2 * 23
    assert flow[FlowStage.DAYS].recent == 2 * 16
    assert flow[FlowStage.CANDLE_OBJECTS].recent == 2
    assert flow[FlowStage.MINUTES].newest == UNTIL
    assert flow[FlowStage.HOURS].newest == floor_ms(UNTIL, HOUR_MS)
    assert flow[FlowStage.DAYS].newest == floor_ms(UNTIL, DAY_MS)


def test_unprocessed_items_are_waiting(warehouse: Warehouse) -> None:
    warehouse.symbols.register_symbols([describe("ETHUSDT")])
    start = floor_ms(UNTIL, HOUR_MS) - 4 * HOUR_MS
    load_facts(warehouse, "ETHUSDT", generated("ETHUSDT", Window(start, UNTIL)))
    (loaded,) = warehouse.lake_objects.list_latest()
    unloaded = replace(loaded, key="ETHUSDT_klines_later_rest.json", loaded_at=None)
    warehouse.lake_objects.record_objects([unloaded])
    flow = Reports(warehouse, clock=lambda: UNTIL).get_data_flow()
    assert flow[FlowStage.CANDLE_OBJECTS].waiting == 1
    assert flow[FlowStage.HOURS].waiting == 4, "the current hour is not waiting"


def test_order_books_are_counted_separately(warehouse: Warehouse) -> None:
    warehouse.symbols.register_symbols([describe("ETHUSDT")])
    load(warehouse, "ETHUSDT", generated("ETHUSDT", Window(UNTIL - HOUR_MS, UNTIL)))
    (klines,) = warehouse.lake_objects.list_latest()
    depth = replace(klines, key="ETHUSDT_depth_1.json", kind=ObjectKind.DEPTH, size_bytes=77)
    warehouse.lake_objects.record_objects([depth])
    flow = Reports(warehouse, clock=lambda: UNTIL).get_data_flow()
    assert (flow[FlowStage.BOOK_OBJECTS].stored, flow[FlowStage.BOOK_OBJECTS].size_bytes) == (1, 77)
    assert flow[FlowStage.CANDLE_OBJECTS].stored == 1


def test_an_empty_warehouse_has_zero_counts(warehouse: Warehouse) -> None:
    flow = Reports(warehouse).get_data_flow()
    assert [counts.recent for counts in flow.stages] == [0] * len(FlowStage)
    assert all(counts.newest is None for counts in flow.stages)
