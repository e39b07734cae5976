"""A tick and a page read as many rows after a month of history as after a day."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event

from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.engine.schema import fact_klines
from crypto_assets.warehouse.klines import stale_periods
from crypto_assets.warehouse.klines.rollup_sql import select_rollup_at
from crypto_assets_tests.warehouse.minutes import FETCHED, START, batch, minutes, track

DAYS = {"DAYUSDT": 1, "MONTHUSDT": 30}
LATER = START + 900 * DAY_MS


def _end(name: str) -> int:
    return START + DAYS[name] * DAY_MS


def _stock(warehouse: Warehouse) -> None:
    track(warehouse, *DAYS)
    for name, days in DAYS.items():
        objects = [batch(minutes(START + day * DAY_MS, 1440), symbol=name) for day in range(days)]
        warehouse.lake_objects.record_objects([item for item, _ in objects])
        warehouse.facts.load_objects(name, objects)
        everything = Window(START, _end(name))
        warehouse.aggregates.recompute_hours(name, everything, LATER)
        warehouse.aggregates.recompute_days(name, everything, LATER)
        warehouse.gap_ledger.refresh_gaps(name, everything)


def _rows_read(warehouse: Warehouse, work: Callable[[], object]) -> int:
    """Count the rows that the storage engine reads for this session, the only one."""

    def count() -> int:
        statement = "SHOW SESSION STATUS LIKE 'Handler_read%%'"
        rows = warehouse._database.run_read(lambda c: c.exec_driver_sql(statement).all())
        return sum(int(row[1]) for row in rows)

    before = count()
    idle = count() - before  # what counting itself reads
    before = count()
    work()
    return count() - before - idle


def _works(warehouse: Warehouse, name: str) -> dict[str, Callable[[], object]]:
    """Return the steps of a tick, and the queries of a page for the newest data."""
    end = _end(name)
    tick = batch(minutes(end, 61), FETCHED + 1, Source.REST, name)
    today = Window(end, end + DAY_MS)
    lately = Window(end - DAY_MS, end + DAY_MS)
    return {
        "record": lambda: warehouse.lake_objects.record_objects([tick[0]]),
        "unloaded": lambda: warehouse.lake_objects.list_unloaded(name, ObjectKind.KLINES, today),
        "load": lambda: warehouse.facts.load_objects(name, [tick]),
        "again": lambda: warehouse.facts.load_objects(name, [tick]),
        "hours": lambda: warehouse.aggregates.recompute_hours(name, today, end + HOUR_MS),
        "days": lambda: warehouse.aggregates.recompute_days(name, today, end + HOUR_MS),
        "gaps": lambda: warehouse.gap_ledger.refresh_gaps(
            name, lately, Window(START, end + 61 * MINUTE_MS)
        ),
        "newest": lambda: warehouse.facts.read_candles(
            name, Window(0, LATER), limit=100, newest=True
        ),
        "hourly": lambda: warehouse.aggregates.read_candles(
            name, Interval.H1, Window(0, LATER), limit=5, newest=True
        ),
        "calendar": lambda: warehouse.coverage.count_minutes_by_day(name, today),
        "ends": lambda: warehouse.coverage.find_first_and_last(name, Window(0, LATER)),
        "watermark": lambda: warehouse.watermarks.get_watermark(name),
    }


def test_a_tick_reads_as_many_rows_at_any_length_of_history(mariadb_warehouse: Warehouse) -> None:
    _stock(mariadb_warehouse)
    costs: dict[str, list[int]] = {}
    for name in DAYS:
        for step, work in _works(mariadb_warehouse, name).items():
            costs.setdefault(step, []).append(_rows_read(mariadb_warehouse, work))
    assert {step: pair for step, pair in costs.items() if abs(pair[0] - pair[1]) > 2} == {}
    assert max(max(pair) for pair in costs.values()) < 20_000


def test_coverage_of_all_symbols_is_a_few_lookups_each(mariadb_warehouse: Warehouse) -> None:
    _stock(mariadb_warehouse)
    assert _rows_read(mariadb_warehouse, mariadb_warehouse.coverage.list_by_symbol) < 20 * len(DAYS)


def test_a_tick_is_few_statements(warehouse: Warehouse) -> None:
    track(warehouse, *DAYS)
    name = next(iter(DAYS))
    warehouse.facts.load_objects(name, [batch(minutes(START, 60), symbol=name)])
    statements: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            statements.append(statement)

    event.listen(warehouse._database.engine, "before_cursor_execute", record)
    tick = batch(minutes(START + HOUR_MS, 1), FETCHED + 1, symbol=name)
    assert warehouse.facts.load_objects(name, [tick]).new == 1
    assert len(statements) <= 6
    statements.clear()
    warehouse.aggregates.recompute_hours(name, Window(START, START + DAY_MS), START + HOUR_MS - 1)
    assert len(statements) == 1


def test_sqlite_sums_the_minutes_of_an_hour_as_it_reads_them(tmp_path: Path) -> None:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    warehouse.migrate_schema()
    hours = stale_periods.select_stale_hours(1, Window(START, LATER))
    statement = select_rollup_at(hours, fact_klines, 1, HOUR_MS)
    with warehouse._database.read_engine.connect() as connection:
        plain = statement.compile(connection, compile_kwargs={"literal_binds": True})
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {plain}")]
    warehouse.close()
    assert not [step for step in plan if "TEMP B-TREE" in step], plan
    ranges = "SEARCH fact_klines USING PRIMARY KEY (symbol_id=? AND open_time>? AND open_time<?)"
    assert ranges in plan
