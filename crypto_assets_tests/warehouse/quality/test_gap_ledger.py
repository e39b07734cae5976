"""Missing minutes, and the ledger that explains them."""

from dataclasses import replace
from itertools import groupby

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from crypto_assets.market.symbols import Symbol, SymbolStatus
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.quality import gap_detection
from crypto_assets.warehouse.quality.gap_detection import MissingRange
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from crypto_assets_tests.warehouse.minutes import (
    FETCHED,
    START,
    SYMBOL,
    batch,
    minute,
    minutes,
    table,
    track,
)
from crypto_assets_tests.warehouse.stored_minutes import delete_minutes, detect_missing_ranges

DAY = Window(START, START + DAY_MS)
TWO_DAYS = Window(START, START + 2 * DAY_MS)


def _at(*numbers: int) -> list[int]:
    return [START + number * MINUTE_MS for number in numbers]


def _load(warehouse: Warehouse, *opens: int) -> None:
    warehouse.facts.load_objects(SYMBOL, [batch(table([minute(at) for at in sorted(opens)]))])


def _missing(first: int, last: int) -> MissingRange:
    return MissingRange(*_at(first, last))


def test_a_complete_day_has_no_missing_minutes(warehouse: Warehouse) -> None:
    track(warehouse)
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 1440))])
    assert detect_missing_ranges(warehouse, SYMBOL, DAY) == []


def test_missing_minutes_at_both_ends_and_in_the_middle(warehouse: Warehouse) -> None:
    track(warehouse)
    _load(warehouse, *_at(2, 3, 6))
    window = Window(START, START + 9 * MINUTE_MS)
    assert detect_missing_ranges(warehouse, SYMBOL, window) == [
        _missing(0, 1),
        _missing(4, 5),
        _missing(7, 8),
    ]
    assert detect_missing_ranges(warehouse, SYMBOL, Window(*_at(20, 30))) == [_missing(20, 29)]


def test_late_candles_and_two_in_one_minute_are_not_missing(warehouse: Warehouse) -> None:
    track(warehouse)
    _load(warehouse, START, START + 61_500, START + 119_999, START + 120_000)
    assert detect_missing_ranges(warehouse, SYMBOL, Window(START, START + 3 * MINUTE_MS)) == []


def test_a_missing_range_is_found_whole_from_any_day_that_it_touches(warehouse: Warehouse) -> None:
    track(warehouse)
    _load(warehouse, *_at(*range(1400), *range(1500, 2880)))
    for window in (DAY, Window(START + DAY_MS, START + 2 * DAY_MS), TWO_DAYS):
        assert detect_missing_ranges(warehouse, SYMBOL, window, TWO_DAYS) == [_missing(1400, 1499)]
    assert detect_missing_ranges(warehouse, SYMBOL, Window(START, START + HOUR_MS), TWO_DAYS) == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    present=st.sets(st.integers(0, 39), max_size=40),
    bounds=st.tuples(st.integers(0, 40), st.integers(0, 40)),
)
def test_missing_ranges_equal_a_simple_count(
    warehouse: Warehouse, present: set[int], bounds: tuple[int, int]
) -> None:
    track(warehouse)
    everything = Window(*_at(0, 40))
    rows = batch(table([minute(at) for at in _at(*sorted(present))])) if present else None
    delete_minutes(warehouse, SYMBOL, everything)
    warehouse.facts.load_objects(SYMBOL, [rows] if rows else [])
    first, last = sorted(bounds)
    expected = []
    for missing, run in groupby(range(40), lambda n: n not in present):
        numbers = list(run)
        if missing and any(first <= n < last for n in numbers):
            expected.append(_missing(numbers[0], numbers[-1]))
    assert (
        detect_missing_ranges(warehouse, SYMBOL, Window(*_at(first, last)), everything) == expected
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    missing=st.lists(st.tuples(st.integers(0, 299), st.integers(1, 130)), max_size=4),
    late=st.sets(st.integers(0, 299), max_size=3),
    bounds=st.tuples(st.integers(0, 300), st.integers(0, 300)),
)
@example(missing=[(70, 1)], late={65}, bounds=(0, 300))
def test_a_search_by_hour_finds_the_same_as_by_minute(
    warehouse: Warehouse,
    missing: list[tuple[int, int]],
    late: set[int],
    bounds: tuple[int, int],
) -> None:
    """Late candles, beside one on the minute or instead of it, do not complete an hour."""
    track(warehouse)
    gone = {n for start, length in missing for n in range(start, start + length)}
    present = [n for n in range(300) if n not in gone]
    opens = set(_at(*(n for n in present if n not in late or n % 2)))
    opens |= {at + 13_000 for at in _at(*(n for n in present if n in late))}
    everything = Window(*_at(0, 300))
    rows = [batch(table([minute(at) for at in sorted(opens)]))] if opens else []
    delete_minutes(warehouse, SYMBOL, everything)
    warehouse.facts.load_objects(SYMBOL, rows)
    window = Window(*_at(*sorted(bounds)))
    found = []
    for short in (0, DAY_MS):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(gap_detection, "_SHORT_WINDOW_MS", short)
            found.append(detect_missing_ranges(warehouse, SYMBOL, window, everything))
    assert found[0] == found[1]


def test_a_gap_is_opened_kept_and_closed(warehouse: Warehouse) -> None:
    track(warehouse)
    _load(warehouse, *_at(0, 1, 2, 6, 7, 8, 9))
    window = Window(*_at(0, 10))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    (gap,) = warehouse.gap_ledger.list_gaps(SYMBOL)
    warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    assert warehouse.gap_ledger.list_gaps(SYMBOL, closed=True) == [gap]
    assert (gap.start, gap.end, gap.minutes, gap.gap_class, gap.attempts) == (
        *_at(3, 5),
        3,
        GapClass.OPEN,
        0,
    )
    _load(warehouse, *_at(3, 4, 5))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    assert warehouse.gap_ledger.list_gaps(SYMBOL) == []
    (closed,) = warehouse.gap_ledger.list_gaps(SYMBOL, closed=True)
    assert closed.closed_at is not None
    assert closed == replace(gap, closed_at=closed.closed_at)


def test_a_reopened_gap_loses_its_class(warehouse: Warehouse) -> None:
    track(warehouse)
    window = Window(*_at(0, 10))
    _load(warehouse, *_at(0, 9))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    warehouse.gap_ledger.classify_gap(SYMBOL, _at(1)[0], GapClass.OUTAGE, "the exchange has none")
    _load(warehouse, *_at(*range(10)))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    delete_minutes(warehouse, SYMBOL, Window(*_at(1, 5)))
    assert warehouse.gap_ledger.list_gaps(SYMBOL) == []
    warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    (gap,) = warehouse.gap_ledger.list_gaps(SYMBOL)
    assert (gap.gap_class, gap.evidence) == (GapClass.OPEN, "")
    assert (gap.start, gap.end) == tuple(_at(1, 4))


def test_parts_of_an_outage_keep_their_class_and_a_grown_one_is_open(warehouse: Warehouse) -> None:
    track(warehouse)
    window = Window(*_at(0, 10))
    _load(warehouse, *_at(0, 8, 9))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    warehouse.gap_ledger.classify_gap(SYMBOL, _at(1)[0], GapClass.OUTAGE, "asked twice")
    _load(warehouse, *_at(4))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    assert [
        (g.start, g.end, g.gap_class, g.evidence) for g in warehouse.gap_ledger.list_gaps(SYMBOL)
    ] == [
        (*_at(1, 3), GapClass.OUTAGE, "asked twice"),
        (*_at(5, 7), GapClass.OUTAGE, "asked twice"),
    ]
    delete_minutes(warehouse, SYMBOL, Window(*_at(8, 10)))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    assert [(g.start, g.end, g.gap_class) for g in warehouse.gap_ledger.list_gaps(SYMBOL)] == [
        (*_at(1, 3), GapClass.OUTAGE),
        (*_at(5, 9), GapClass.OPEN),
    ]


def test_refused_minutes_remain_gaps_of_their_own(warehouse: Warehouse) -> None:
    track(warehouse)
    window = Window(*_at(0, 20))
    _load(warehouse, *_at(0, 10, 19))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    warehouse.gap_ledger.split_off_refused(
        SYMBOL, _at(1)[0], dict.fromkeys(_at(3, 4, 7), "high below low")
    )
    parts = [
        (*_at(1, 2), GapClass.OPEN),
        (*_at(3, 4), GapClass.REFUSED),
        (*_at(5, 6), GapClass.OPEN),
        (*_at(7, 7), GapClass.REFUSED),
        (*_at(8, 9), GapClass.OPEN),
        (*_at(11, 18), GapClass.OPEN),
    ]

    def found() -> list[tuple[int, int, GapClass]]:
        return [
            (gap.start, gap.end, gap.gap_class) for gap in warehouse.gap_ledger.list_gaps(SYMBOL)
        ]

    assert found() == parts
    before = warehouse.gap_ledger.list_gaps(SYMBOL, closed=True)
    for again in (window, Window(*_at(4, 6))):
        warehouse.gap_ledger.refresh_gaps(SYMBOL, again, window)
        assert warehouse.gap_ledger.list_gaps(SYMBOL, closed=True) == before
    (evidence,) = {
        g.evidence for g in warehouse.gap_ledger.list_gaps() if g.gap_class is GapClass.REFUSED
    }
    assert evidence == "high below low"
    _load(warehouse, *_at(4, 5))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    assert found()[:3] == [
        (*_at(1, 2), GapClass.OPEN),
        (*_at(3, 3), GapClass.REFUSED),
        (*_at(6, 6), GapClass.OPEN),
    ]
    delete_minutes(warehouse, SYMBOL, Window(*_at(10, 11)))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    assert found()[3:] == [(*_at(7, 7), GapClass.REFUSED), (*_at(8, 18), GapClass.OPEN)]


def test_refusing_minutes_of_a_closed_gap_changes_nothing(warehouse: Warehouse) -> None:
    track(warehouse)
    window = Window(*_at(0, 10))
    _load(warehouse, *_at(0, 9))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    _load(warehouse, *_at(*range(10)))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    warehouse.gap_ledger.split_off_refused(SYMBOL, _at(1)[0], {_at(3)[0]: "high below low"})
    assert warehouse.gap_ledger.list_gaps(SYMBOL) == []


def test_a_gap_after_delisting_grows_while_the_symbol_does_not_trade(warehouse: Warehouse) -> None:
    track(warehouse)
    _load(warehouse, *_at(*range(5)))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, Window(*_at(0, 10)))
    warehouse.gap_ledger.classify_gap(SYMBOL, _at(5)[0], GapClass.DELISTED, "its status is BREAK")
    tracked = warehouse.symbols.get_symbol(SYMBOL)
    ended = Symbol(SYMBOL, tracked.base, tracked.quote, SymbolStatus.BREAK, tracked.tick_size)

    def found() -> list[tuple[int, int, GapClass]]:
        return [
            (gap.start, gap.end, gap.gap_class) for gap in warehouse.gap_ledger.list_gaps(SYMBOL)
        ]

    warehouse.symbols.update_status([ended])
    warehouse.gap_ledger.refresh_gaps(SYMBOL, Window(*_at(0, 20)))
    assert found() == [(*_at(5, 19), GapClass.DELISTED)]
    warehouse.symbols.update_status([replace(ended, status=SymbolStatus.TRADING)])
    _load(warehouse, *_at(15))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, Window(*_at(0, 25)))
    assert found() == [(*_at(5, 14), GapClass.OPEN), (*_at(16, 24), GapClass.OPEN)]


def test_refreshing_one_day_does_not_change_other_gaps(warehouse: Warehouse) -> None:
    track(warehouse)
    _load(warehouse, *_at(*range(0, 600), *range(700, 1430), *range(1450, 2880)))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, TWO_DAYS)
    before = warehouse.gap_ledger.list_gaps(SYMBOL, closed=True)
    second = Window(START + DAY_MS, START + 2 * DAY_MS)
    warehouse.gap_ledger.refresh_gaps(SYMBOL, second, TWO_DAYS)
    assert warehouse.gap_ledger.list_gaps(SYMBOL, closed=True) == before
    assert [gap.start for gap in warehouse.gap_ledger.list_gaps(SYMBOL, second)] == _at(1430)


def test_retries_are_counted_and_become_due(warehouse: Warehouse) -> None:
    track(warehouse, SYMBOL, "ETHUSDT")
    _load(warehouse, *_at(0, 3, 6, 9))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, Window(*_at(0, 10)))
    first, second, third = (gap.start for gap in warehouse.gap_ledger.list_gaps(SYMBOL))
    newest = warehouse.gap_ledger.list_gaps(SYMBOL, newest=True, limit=2)
    assert [gap.start for gap in newest] == [third, second]
    warehouse.gap_ledger.record_retry(SYMBOL, first, FETCHED)
    warehouse.gap_ledger.classify_gap(SYMBOL, second, GapClass.OUTAGE, "none on REST")
    warehouse.gap_ledger.classify_gap(SYMBOL, third, GapClass.ARCHIVE_LATE, "")
    assert [gap.start for gap in warehouse.gap_ledger.list_due_gaps(FETCHED - 1)] == [third]
    due = warehouse.gap_ledger.list_due_gaps(FETCHED)
    assert [(gap.start, gap.attempts) for gap in due] == [(first, 1), (third, 0)]


def test_gaps_of_untracked_symbols_do_not_use_up_the_limit(warehouse: Warehouse) -> None:
    track(warehouse, SYMBOL, "ETHUSDT")
    for symbol in (SYMBOL, "ETHUSDT"):
        warehouse.gap_ledger.refresh_gaps(symbol, Window(*_at(0, 10)))
    warehouse.symbols.untrack_symbol(SYMBOL)
    assert [gap.symbol for gap in warehouse.gap_ledger.list_due_gaps(FETCHED, limit=1)] == [
        "ETHUSDT"
    ]


def test_expired_minutes_are_no_new_gaps_and_old_gaps_remain(warehouse: Warehouse) -> None:
    track(warehouse)
    _load(warehouse, *_at(0, 5, *range(1440, 2880)))
    warehouse.gap_ledger.refresh_gaps(SYMBOL, Window(*_at(0, 5)), TWO_DAYS)
    before = warehouse.gap_ledger.list_gaps(SYMBOL)
    assert [gap.start for gap in before] == _at(1)
    warehouse.facts.expire_minutes(SYMBOL, START + DAY_MS)
    assert detect_missing_ranges(warehouse, SYMBOL, TWO_DAYS) == []
    for window in (DAY, TWO_DAYS):
        warehouse.gap_ledger.refresh_gaps(SYMBOL, window, TWO_DAYS)
    assert warehouse.gap_ledger.list_gaps(SYMBOL, closed=True) == before


def test_coverage_counts_minutes_by_symbol_and_day(warehouse: Warehouse) -> None:
    track(warehouse, SYMBOL, "ETHUSDT")
    _load(warehouse, *_at(*range(10, 1440), *range(1500, 1510)), START + DAY_MS + HOUR_MS + 1)
    warehouse.gap_ledger.refresh_gaps(SYMBOL, TWO_DAYS)
    warehouse.gap_ledger.classify_gap(SYMBOL, START, GapClass.NOT_LISTED, "first candle")
    ours, other = warehouse.coverage.list_by_symbol()
    assert (ours.symbol, ours.first_open_time, ours.rows) == (SYMBOL, _at(10)[0], 1441)
    assert (ours.explained_minutes, ours.missing_minutes, ours.open_gaps) == (10, 1430, 2)
    assert ours.minutes_expected == 1500
    assert ours.lag_ms(_at(1515)[0]) == 5 * MINUTE_MS
    assert (other.rows, other.first_open_time, other.minutes_expected) == (0, None, 0)
    assert other.lag_ms(FETCHED) is None
    counted = {START: 1430, START + DAY_MS: 10}
    assert warehouse.coverage.count_minutes_by_day(SYMBOL, TWO_DAYS) == counted
    warehouse.aggregates.recompute_hours(SYMBOL, DAY, FETCHED)
    warehouse.aggregates.recompute_days(SYMBOL, DAY, FETCHED)
    assert warehouse.coverage.count_minutes_by_day(SYMBOL, TWO_DAYS) == counted
    sizes = warehouse.coverage.read_table_sizes()
    assert sizes and all(size > 0 for size in sizes.values())


def test_mysql_does_not_report_cached_table_sizes(mariadb_warehouse: Warehouse) -> None:
    """MariaDB has no such cache, and no setting for it."""
    statement = text("SHOW SESSION VARIABLES LIKE 'information_schema_stats_expiry'")
    with mariadb_warehouse._database.engine.connect() as connection:
        assert all(value == "0" for _, value in connection.execute(statement))
