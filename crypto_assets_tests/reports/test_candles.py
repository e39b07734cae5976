"""Candles of every interval equal those of the exchange, from any table."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from crypto_assets.errors import UnknownSymbol, WrongUse
from crypto_assets.market.candles import CANDLE_COLUMNS, CANDLE_SCHEMA
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import roll_up
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, day_of
from crypto_assets.reports import CandleGap, Reports
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from crypto_assets_tests.reports.conftest import HOLE, STOCK, UNTIL
from crypto_assets_tests.reports.stock import describe, generated, hole_before, load, load_facts


def expected(symbol: str, interval: Interval, holes: list[Window]) -> pa.Table:
    """Roll up all stored minutes by the exchange's rule; the first period may be incomplete."""
    minutes = generated(symbol, STOCK, holes)
    if interval is Interval.M1:
        return minutes
    return roll_up(minutes, interval).select(CANDLE_COLUMNS)


def assert_same(found: pa.Table, wanted: pa.Table, warehouse: Warehouse) -> None:
    """Compare exactly on a server, and to twelve digits on SQLite, which stores doubles."""
    assert found.schema == wanted.schema
    if "fact_klines" in warehouse.coverage.read_table_sizes():  # a server's sizes are by table
        assert found.to_pylist() == wanted.to_pylist()
        return
    for name in CANDLE_COLUMNS:
        floats = [[float(value) for value in table[name].to_pylist()] for table in (found, wanted)]
        assert floats[0] == pytest.approx(floats[1], rel=1e-12)


def test_every_interval_equals_the_rule_over_minutes(
    reports: Reports, stocked: Warehouse, subtests: pytest.Subtests
) -> None:
    for interval in Interval:
        with subtests.test(interval=interval):
            wanted = expected("BTCUSDT", interval, [HOLE]).slice(1)[-200:]
            found = reports.get_candles("BTCUSDT", interval, limit=wanted.num_rows).table
            assert_same(found, wanted, stocked)


@pytest.mark.parametrize("interval", [Interval.M1, Interval.M30, Interval.H4, Interval.D1])
def test_paging_returns_each_candle_once(
    reports: Reports, stocked: Warehouse, interval: Interval
) -> None:
    start, end = UNTIL - 2 * DAY_MS - 17 * MINUTE_MS, UNTIL
    pages = list(_pages(reports, interval, start, end))
    whole = reports.get_candles("BTCUSDT", interval, start, end, limit=None).table
    assert pa.concat_tables(pages).to_pylist() == whole.to_pylist()
    assert whole["open_time"][0].as_py() >= start
    assert len(pages) > 1 or interval is Interval.D1


def _pages(reports: Reports, interval: Interval, start: int, end: int) -> Iterator[pa.Table]:
    limit = 500 if interval is Interval.M1 else 7
    while start < end:
        page = reports.get_candles("BTCUSDT", interval, start, end, limit).table
        if not page.num_rows:
            return
        yield page
        start = page["open_time"][-1].as_py() + 1


def test_only_the_period_that_has_not_ended_is_forming(
    reports: Reports, subtests: pytest.Subtests
) -> None:
    for interval in Interval:
        with subtests.test(interval=interval):
            series = reports.get_candles("BTCUSDT", interval, limit=5)
            ended = UNTIL % interval.ms == 0  # 12:34 ends a minute and nothing longer
            forming = series.frame["forming"].tolist()
            assert forming == [False] * (len(series.frame) - 1) + [not ended]
            assert series.closed_table.num_rows == series.table.num_rows - (not ended)


def test_candles_open_inside_the_window(reports: Reports) -> None:
    start = UNTIL - DAY_MS
    series = reports.get_candles("BTCUSDT", Interval.H4, start, UNTIL - HOUR_MS)  # 12:34 to 11:34
    opened = series.table["open_time"].to_pylist()
    assert opened == [start - start % (4 * HOUR_MS) + n * 4 * HOUR_MS for n in range(1, 6)]


def test_missing_hours_are_rolled_up_from_minutes(warehouse: Warehouse) -> None:
    warehouse.symbols.register_symbols([describe("ETHUSDT")])
    window = Window(UNTIL - 2 * DAY_MS, UNTIL)
    whole = generated("ETHUSDT", window)
    loaded = whole.num_rows - 200
    load(warehouse, "ETHUSDT", whole.slice(0, loaded))
    load_facts(warehouse, "ETHUSDT", whole.slice(loaded))
    found = Reports(warehouse).get_candles("ETHUSDT", Interval.H1, limit=24).table
    wanted = roll_up(whole, Interval.H1).select(CANDLE_COLUMNS)[-24:]
    assert_same(found, wanted, warehouse)


def test_a_lagging_replica_does_not_close_an_incomplete_hour(tmp_path: Path) -> None:
    primary, replica = (f"sqlite:///{tmp_path / name}.db" for name in ("primary", "replica"))
    hour = UNTIL - UNTIL % HOUR_MS
    late = Window(hour - 3 * MINUTE_MS, hour + MINUTE_MS)
    writer = Warehouse(primary)
    writer.migrate_schema()
    writer.symbols.register_symbols([describe("BTCUSDT")])
    load(writer, "BTCUSDT", generated("BTCUSDT", Window(hour - 5 * HOUR_MS, late.start_ms)))
    writer.close()
    shutil.copy(tmp_path / "primary.db", tmp_path / "replica.db")
    load(writer, "BTCUSDT", generated("BTCUSDT", late))
    behind = Warehouse(primary, replica)
    series = Reports(behind).get_candles("BTCUSDT", "1h", hour - 2 * HOUR_MS, hour)
    assert series.frame["forming"].tolist() == [False, True]
    assert series.known_until == late.start_ms
    today = Reports(behind, clock=lambda: late.end_ms).get_coverage_calendar(
        day_of(hour), day_of(hour)
    )
    before = (hour - 5 * HOUR_MS) % DAY_MS // MINUTE_MS
    assert [cell.missing for cell in today.rows["BTCUSDT"]] == [before]
    writer.close()
    behind.close()


def test_a_gap_is_listed_and_not_filled(reports: Reports) -> None:
    series = reports.get_candles("BTCUSDT", Interval.M5, limit=600)
    first_whole = -(-HOLE.start_ms // (5 * MINUTE_MS)) * 5 * MINUTE_MS
    assert series.gaps == (CandleGap(Window(first_whole, HOLE.end_ms), None),)
    assert not any(t in HOLE for t in series.table["open_time"].to_pylist()[-10:])
    assert reports.get_candles("SHIBUSDT", Interval.M5, limit=600).gaps == ()


def test_gaps_have_the_class_of_the_ledger(warehouse: Warehouse) -> None:
    warehouse.symbols.register_symbols([describe("BTCUSDT")])
    window = Window(UNTIL - 2 * DAY_MS, UNTIL)
    load(warehouse, "BTCUSDT", generated("BTCUSDT", window, [HOLE]))
    warehouse.gap_ledger.refresh_gaps("BTCUSDT", window)
    warehouse.gap_ledger.classify_gap("BTCUSDT", HOLE.start_ms, GapClass.OUTAGE, "REST has nothing")
    reports = Reports(warehouse)
    assert reports.get_candles("BTCUSDT", Interval.H1).gaps == (CandleGap(HOLE, GapClass.OUTAGE),)
    clipped = reports.get_candles("BTCUSDT", Interval.M1, HOLE.end_ms, UNTIL)
    assert clipped.gaps == ()


@pytest.mark.parametrize("interval", [Interval.M1, Interval.H1])
@pytest.mark.parametrize("known", [True, False])
def test_each_page_lists_its_gap(warehouse: Warehouse, interval: Interval, known: bool) -> None:
    window, outage = Window(UNTIL - 2 * DAY_MS, UNTIL), hole_before(UNTIL, hours=30, minutes=120)
    warehouse.symbols.register_symbols([describe("BTCUSDT")])
    load(warehouse, "BTCUSDT", generated("BTCUSDT", window, [outage]))
    if known:
        warehouse.gap_ledger.refresh_gaps("BTCUSDT", window)
    wanted = CandleGap(outage, GapClass.OPEN if known else None)
    reports, limit = Reports(warehouse), 3
    width = limit * interval.ms
    start, end = outage.start_ms - width, outage.end_ms + width
    first = reports.get_candles("BTCUSDT", interval, start, end, limit)
    assert (first.table.num_rows, first.gaps, first.has_more) == (limit, (wanted,), True)
    newest = reports.get_candles("BTCUSDT", interval, None, end, limit)
    assert (newest.table.num_rows, newest.gaps, newest.has_more) == (limit, (wanted,), True)
    whole = reports.get_candles("BTCUSDT", interval, start, end, 2 * limit)
    assert (whole.gaps, whole.has_more) == ((wanted,), False)


def test_a_range_that_ends_or_begins_in_an_outage_lists_it(warehouse: Warehouse) -> None:
    window, outage = Window(UNTIL - 2 * DAY_MS, UNTIL), hole_before(UNTIL, hours=30, minutes=120)
    middle = outage.start_ms + HOUR_MS
    warehouse.symbols.register_symbols([describe("BTCUSDT")])
    load(warehouse, "BTCUSDT", generated("BTCUSDT", window, [outage]))
    warehouse.gap_ledger.refresh_gaps("BTCUSDT", window)
    reports = Reports(warehouse)
    ending = reports.get_candles("BTCUSDT", "1h", outage.start_ms - DAY_MS // 2, middle)
    beginning = reports.get_candles("BTCUSDT", "1h", middle, UNTIL)
    inside = reports.get_candles("BTCUSDT", "1m", outage.start_ms + MINUTE_MS, middle)
    assert ending.gaps == (CandleGap(Window(outage.start_ms, middle), GapClass.OPEN),)
    assert beginning.gaps == (CandleGap(Window(middle, outage.end_ms), GapClass.OPEN),)
    within = Window(outage.start_ms + MINUTE_MS, middle)
    assert inside.gaps == (CandleGap(within, GapClass.OPEN),)


def test_an_unlisted_gap_beside_a_known_one_is_listed_too(warehouse: Warehouse) -> None:
    window, outage = Window(UNTIL - 2 * DAY_MS, UNTIL), hole_before(UNTIL, hours=30, minutes=120)
    waiting = Window(outage.end_ms, outage.end_ms + 3 * HOUR_MS)
    warehouse.symbols.register_symbols([describe("BTCUSDT")])
    whole = Window(outage.start_ms, waiting.end_ms)
    load(warehouse, "BTCUSDT", generated("BTCUSDT", window, [whole]))
    load_facts(warehouse, "BTCUSDT", generated("BTCUSDT", waiting))
    warehouse.gap_ledger.refresh_gaps("BTCUSDT", window)
    found = Reports(warehouse).get_candles("BTCUSDT", "1h", window.start_ms, UNTIL)
    assert found.gaps == (CandleGap(outage, GapClass.OPEN), CandleGap(waiting, None))


def test_a_symbol_without_candles_has_an_empty_series(reports: Reports) -> None:
    series = reports.get_candles("XRPUSDT", "1h")
    assert series.table.schema == CANDLE_SCHEMA
    assert series.table.num_rows == 0
    assert series.gaps == ()
    assert series.frame.empty


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"start": 5, "end": 5}, "must be before end"),
        ({"limit": 0}, "limit must be 1 or more"),
        ({"limit": None}, "both start and end"),
        ({"interval": "7m"}, "no interval '7m'; available: 1m, 3m"),
    ],
)
def test_wrong_use_names_the_problem(
    reports: Reports, wrong: dict[str, object], words: str
) -> None:
    with pytest.raises(WrongUse, match=words):
        reports.get_candles(**{"symbol": "BTCUSDT", "interval": "1h", **wrong})  # type: ignore[arg-type]


def test_an_unknown_symbol_is_named(reports: Reports) -> None:
    with pytest.raises(UnknownSymbol, match="NOPE"):
        reports.get_candles("NOPE", "1h")
