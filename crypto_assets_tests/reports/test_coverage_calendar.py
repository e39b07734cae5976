"""The coverage calendar: the state of each day and its minutes."""

from datetime import date

import pytest

from crypto_assets.errors import WrongUse
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, day_start_ms
from crypto_assets.reports import DayCell, DayState, Reports
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from crypto_assets_tests.reports.stock import describe, generated, load

FIRST, LAST = date(2025, 3, 1), date(2025, 3, 6)
START = day_start_ms(FIRST)
# 2025-03-06 09:30 UTC.
NOW = day_start_ms(LAST) + 570 * MINUTE_MS


def stocked(warehouse: Warehouse, *holes: Window) -> Reports:
    """Load BTCUSDT from 2 March to now; ETHUSDT has no candle."""
    warehouse.symbols.register_symbols([describe("BTCUSDT"), describe("ETHUSDT")])
    stored = Window(START + DAY_MS, NOW)
    load(warehouse, "BTCUSDT", generated("BTCUSDT", stored, holes))
    warehouse.gap_ledger.refresh_gaps("BTCUSDT", stored)
    return Reports(warehouse, clock=lambda: NOW)


def row(reports: Reports, symbol: str = "BTCUSDT") -> tuple[DayCell, ...]:
    return reports.get_coverage_calendar(FIRST, LAST).rows[symbol]


def test_days_are_not_loaded_or_complete_and_today_is_complete_so_far(
    warehouse: Warehouse,
) -> None:
    cells = row(stocked(warehouse))
    assert cells[0] == DayCell(DayState.NOT_LOADED, 0, 0, 1440)
    assert set(cells[1:-1]) == {DayCell(DayState.COMPLETE, 1440, 0, 0)}
    assert cells[-1] == DayCell(DayState.COMPLETE, 570, 0, 0)


def test_a_gap_is_open_until_the_ledger_explains_it(warehouse: Warehouse) -> None:
    gap = Window(START + 2 * DAY_MS - 30 * MINUTE_MS, START + 2 * DAY_MS + 10 * MINUTE_MS)
    reports = stocked(warehouse, gap)
    assert row(reports)[1] == DayCell(DayState.OPEN, 1410, 0, 30)
    assert row(reports)[2] == DayCell(DayState.OPEN, 1430, 0, 10)
    warehouse.gap_ledger.classify_gap("BTCUSDT", gap.start_ms, GapClass.OUTAGE, "asked")
    assert row(reports)[1] == DayCell(DayState.OUTAGE, 1410, 30, 0)
    assert row(reports)[2] == DayCell(DayState.OUTAGE, 1430, 10, 0)


def test_a_whole_day_of_outage_is_not_unloaded(warehouse: Warehouse) -> None:
    gap = Window(START + 2 * DAY_MS, START + 3 * DAY_MS)
    reports = stocked(warehouse, gap)
    assert row(reports)[2].state is DayState.OPEN
    warehouse.gap_ledger.classify_gap("BTCUSDT", gap.start_ms, GapClass.OUTAGE, "asked")
    assert row(reports)[2] == DayCell(DayState.OUTAGE, 0, 1440, 0)


def test_today_shows_a_gap_and_yesterday_a_stopped_pipeline(warehouse: Warehouse) -> None:
    hole = Window(NOW - 2 * HOUR_MS, NOW - HOUR_MS)
    stocked(warehouse, hole)
    assert row(Reports(warehouse, clock=lambda: NOW))[-1].missing == 60
    later = Reports(warehouse, clock=lambda: NOW + DAY_MS)
    cells = later.get_coverage_calendar(LAST, date(2025, 3, 7)).rows["BTCUSDT"]
    assert [cell.state for cell in cells] == [DayState.OPEN, DayState.NOT_LOADED]
    assert cells[0].missing == 1440 - 510


def test_a_symbol_without_a_candle_is_not_loaded(warehouse: Warehouse) -> None:
    assert {cell.state for cell in row(stocked(warehouse), "ETHUSDT")} == {DayState.NOT_LOADED}


@pytest.mark.parametrize("last", [date(2025, 2, 27), date(2026, 3, 2)])
def test_a_calendar_is_bounded(warehouse: Warehouse, last: date) -> None:
    with pytest.raises(WrongUse, match="1 to 366 days"):
        Reports(warehouse).get_coverage_calendar(FIRST, last)


def test_the_figures_of_a_calendar_agree_with_its_days(warehouse: Warehouse) -> None:
    hole = Window(START + 2 * DAY_MS, START + 2 * DAY_MS + 144 * MINUTE_MS)
    calendar = stocked(warehouse, hole).get_coverage_calendar(FIRST, LAST)
    assert (calendar.open_gaps, calendar.missing_minutes) == (1, 144)
    # ETHUSDT, and the first day of BTCUSDT, were never requested.
    assert calendar.count_days(DayState.NOT_LOADED) == 7
    assert calendar.compute_shares() == {"BTCUSDT": pytest.approx(1 - 144 / (4 * 1440 + 570))}


def test_days_never_requested_do_not_lower_the_coverage(warehouse: Warehouse) -> None:
    warehouse.symbols.register_symbols([describe("BTCUSDT")])
    for day in (0, 4):
        start = START + day * DAY_MS
        load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(start, start + DAY_MS)))
    calendar = Reports(warehouse, clock=lambda: NOW).get_coverage_calendar(FIRST, LAST)
    assert calendar.compute_shares() == {"BTCUSDT": 1}
    assert (calendar.open_gaps, calendar.missing_minutes) == (0, 0)
    assert calendar.count_days(DayState.NOT_LOADED) == 4
