"""Periods whose beginning is not stored are partial, and no others."""

import pytest

from crypto_assets.market.candles import CANDLE_SCHEMA
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms
from crypto_assets.reports import Reports
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from crypto_assets_tests.reports.conftest import UNTIL
from crypto_assets_tests.reports.stock import describe, generated, load

SYMBOL = "BTCUSDT"
TODAY = floor_ms(UNTIL, DAY_MS)  # a Thursday
WEEK = Interval.W1.floor(UNTIL)  # Monday
WIDE = [interval for interval in Interval if interval is not Interval.M1]


def stock(warehouse: Warehouse, *windows: Window) -> Reports:
    """Load the minutes of these windows; the gap ledger is empty."""
    warehouse.symbols.register_symbols([describe(SYMBOL)])
    for window in windows:
        load(warehouse, SYMBOL, generated(SYMBOL, window))
    return Reports(warehouse)


def classify(warehouse: Warehouse, hole: Window, gap_class: GapClass) -> None:
    day = Window(floor_ms(hole.start_ms, DAY_MS), hole.end_ms)
    warehouse.gap_ledger.refresh_gaps(SYMBOL, day)
    warehouse.gap_ledger.classify_gap(SYMBOL, hole.start_ms, gap_class, "as a test has it")


def partial(reports: Reports, interval: Interval) -> list[int]:
    return list(reports.get_candles(SYMBOL, interval, 0, UNTIL, limit=None).partial)


def test_the_week_in_which_history_begins_is_partial(warehouse: Warehouse) -> None:
    """With history from Tuesday on, the weekly candle opens at the price of Tuesday."""
    tuesday = WEEK - 6 * DAY_MS
    reports = stock(warehouse, Window(tuesday, UNTIL))
    series = reports.get_candles(SYMBOL, "1w")
    assert series.partial == (WEEK - 7 * DAY_MS,)
    assert series.frame["partial"].tolist() == [True, False]
    assert series.frame["forming"].tolist() == [False, True]
    for interval in WIDE[:-1]:
        assert partial(reports, interval) == [], "whole days are stored"


def test_the_first_of_every_interval_is_partial_if_history_begins_in_it(
    warehouse: Warehouse, subtests: pytest.Subtests
) -> None:
    begin = UNTIL - 2 * DAY_MS - HOUR_MS  # 11:34
    reports = stock(warehouse, Window(begin, UNTIL))
    for interval in Interval:
        with subtests.test(interval=interval):
            first = interval.floor(begin)
            assert partial(reports, interval) == [first] * (first < begin)


def test_a_period_may_be_partial_and_forming(warehouse: Warehouse) -> None:
    frame = stock(warehouse, Window(UNTIL - 20 * MINUTE_MS, UNTIL)).get_candles(SYMBOL, "1h").frame
    assert (frame["partial"].tolist(), frame["forming"].tolist()) == ([True], [True])


def test_the_period_of_the_listing_is_not_partial(
    warehouse: Warehouse, subtests: pytest.Subtests
) -> None:
    listed = TODAY - 2 * DAY_MS + 11 * HOUR_MS + 34 * MINUTE_MS
    reports = stock(warehouse, Window(listed, UNTIL))
    classify(warehouse, Window(floor_ms(listed, DAY_MS), listed), GapClass.NOT_LISTED)
    for interval in Interval:
        with subtests.test(interval=interval):
            assert partial(reports, interval) == []


HOLE = Window(TODAY - 8 * HOUR_MS - 20 * MINUTE_MS, TODAY - 6 * HOUR_MS)  # 15:40 to 18:00
BEGIN_IN_IT = {
    Interval.H2: [TODAY - 8 * HOUR_MS],  # nothing of it is stored
    Interval.H4: [TODAY - 8 * HOUR_MS],
    Interval.M30: [],
    Interval.H6: [],
    Interval.D1: [],
}


@pytest.mark.parametrize(
    "gap_class", [None, *(one for one in GapClass if one is not GapClass.NOT_LISTED)]
)
def test_a_period_that_begins_in_a_gap(
    warehouse: Warehouse, gap_class: GapClass | None, subtests: pytest.Subtests
) -> None:
    """Partial unless nothing was published; the exchange published a row for a refused minute."""
    start = TODAY - 2 * DAY_MS
    reports = stock(warehouse, Window(start, HOLE.start_ms), Window(HOLE.end_ms, UNTIL))
    if gap_class is not None:
        classify(warehouse, HOLE, gap_class)
    empty = gap_class in {GapClass.OUTAGE, GapClass.DELISTED}
    for interval, beginning in BEGIN_IN_IT.items():
        with subtests.test(interval=interval):
            series = reports.get_candles(SYMBOL, interval, start, UNTIL, limit=None)
            stored = set(series.table["open_time"].to_pylist())
            begin = [at for at in beginning if at in stored and not empty]
            assert list(series.partial) == begin
            assert bool(begin) == (interval is Interval.H4 and not empty)


def test_a_gap_that_is_explained_in_part(warehouse: Warehouse) -> None:
    reports = stock(warehouse, Window(TODAY, TODAY + HOUR_MS), Window(TODAY + 2 * HOUR_MS, UNTIL))
    hour = Window(TODAY + HOUR_MS, TODAY + 2 * HOUR_MS)
    load(warehouse, SYMBOL, generated(SYMBOL, Window(hour.end_ms - 10 * MINUTE_MS, hour.end_ms)))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, hour)
    warehouse.gap_ledger.classify_gap(SYMBOL, hour.start_ms, GapClass.OUTAGE, "as a test has it")
    assert partial(reports, Interval.H1) == []
    late = Window(hour.start_ms + 5 * MINUTE_MS, hour.start_ms + 6 * MINUTE_MS)
    load(warehouse, SYMBOL, generated(SYMBOL, late))
    warehouse.aggregates.recompute_hours(SYMBOL, hour, UNTIL)
    warehouse.gap_ledger.refresh_gaps(SYMBOL, hour)
    assert partial(reports, Interval.H1) == [], "the beginning is still in the outage"
    warehouse.gap_ledger.classify_gap(SYMBOL, hour.start_ms, GapClass.OPEN, "")
    assert partial(reports, Interval.H1) == [hour.start_ms]


def test_days_that_were_never_loaded_are_not_explained(warehouse: Warehouse) -> None:
    """Load up to Wednesday of one week and from Tuesday of the next."""
    wednesday, tuesday = WEEK - 12 * DAY_MS, WEEK - 6 * DAY_MS
    parts = Window(wednesday - 2 * DAY_MS, wednesday), Window(tuesday, UNTIL)
    reports = stock(warehouse, *parts)
    series = reports.get_candles(SYMBOL, "1w")
    assert series.table["open_time"].to_pylist() == [WEEK - 14 * DAY_MS, WEEK - 7 * DAY_MS, WEEK]
    assert series.partial == (WEEK - 7 * DAY_MS,)


def test_expired_minutes_make_no_period_partial(
    warehouse: Warehouse, subtests: pytest.Subtests
) -> None:
    begin = WEEK - 7 * DAY_MS
    reports = stock(warehouse, Window(begin, UNTIL))
    warehouse.facts.expire_minutes(SYMBOL, WEEK + DAY_MS, keep_stale_days=True)
    for interval in (Interval.H1, Interval.H4, Interval.D1, Interval.W1):
        with subtests.test(interval=interval):
            assert partial(reports, interval) == []


def test_a_page_flags_only_its_own_candles(warehouse: Warehouse) -> None:
    reports = stock(warehouse, Window(TODAY - DAY_MS + 30 * MINUTE_MS, UNTIL))
    oldest = reports.get_candles(SYMBOL, "1h", TODAY - DAY_MS, UNTIL, 3)
    assert oldest.partial == (TODAY - DAY_MS,)
    assert reports.get_candles(SYMBOL, "1h", TODAY - DAY_MS + 1, UNTIL, 3).partial == ()
    assert reports.get_candles(SYMBOL, "1h", limit=3).partial == ()


@pytest.mark.parametrize(
    ("begin", "expected"), [(UNTIL - DAY_MS, False), (UNTIL - DAY_MS + MINUTE_MS, True)]
)
@pytest.mark.parametrize("until", [UNTIL, floor_ms(UNTIL, HOUR_MS)])
def test_the_last_24_hours_are_partial_where_less_is_stored(
    warehouse: Warehouse, begin: int, expected: bool, until: int
) -> None:
    reports = stock(warehouse, Window(begin - UNTIL + until, until))
    day = reports.get_statistics_24h(SYMBOL)
    assert day is not None and day.partial == expected
    (tile,) = reports.get_dashboard().tiles
    assert tile.statistics == day
    if expected:
        classify(
            warehouse,
            Window(floor_ms(until - DAY_MS, DAY_MS), until - DAY_MS + MINUTE_MS),
            GapClass.NOT_LISTED,
        )
        assert not (reports.get_statistics_24h(SYMBOL) or day).partial


def test_exported_tables_have_the_flag(warehouse: Warehouse) -> None:
    series = stock(warehouse, Window(WEEK - 6 * DAY_MS, UNTIL)).get_candles(SYMBOL, "1w")
    assert series.table.schema == CANDLE_SCHEMA
    assert series.flagged_table.column_names == [*CANDLE_SCHEMA.names, "forming", "partial"]
    assert series.flagged_table["forming"].to_pylist() == [False, True]
    assert series.flagged_table["partial"].to_pylist() == [True, False]
    assert series.closed_table["partial"].to_pylist() == [True]


@pytest.mark.parametrize(("name", "column"), [("atr", "atr"), ("sma", "sma")])
def test_indicators_exclude_partial_candles_unless_they_read_closes_only(
    warehouse: Warehouse, name: str, column: str
) -> None:
    """ATR starts with the first whole hour, an average of closes with the partial one."""
    reports = stock(warehouse, Window(TODAY + 30 * MINUTE_MS, UNTIL))
    short, long = (
        reports.get_indicator(
            name, SYMBOL, "1h", TODAY, TODAY + hours * HOUR_MS, params={"period": 3}
        )
        for hours in (6, 12)
    )
    assert short is not None and long is not None
    empty = long.value[column].isna().sum()
    assert empty == {"atr": 4, "sma": 2}[name]
    again = reports.get_indicator(name, SYMBOL, "1h", limit=3, params={"period": 3})
    assert again is not None and again.value[column].notna().all()
