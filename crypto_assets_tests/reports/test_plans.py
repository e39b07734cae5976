"""Reads cost no more than what they return, by query plans and by rows read."""

import inspect
from collections.abc import Callable, Iterator
from datetime import date
from enum import Enum
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import Engine

from crypto_assets.analytics.registry import find_providers
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, Window
from crypto_assets.reports import Reports
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.reports.conftest import UNTIL
from crypto_assets_tests.reports.long_history import stock_long

POINTS = 500
# Tables that grow with time, unlike symbols, watermarks, settings and totals.
GROWING = {
    *("fact_klines", "hourly_klines", "daily_klines", "lake_objects", "stale_hours"),
    *("fact_order_book", "order_book_snapshots", "kline_gaps", "kline_revisions", "quarantine"),
}
GIVEN: dict[str, Any] = {
    "symbol": "SHIBUSDT",
    "interval": Interval.M15,
    "provider": "macd",
    "window": Window(UNTIL - 7 * DAY_MS, UNTIL),
    "first": date(2025, 2, 1),
    "last": date(2025, 3, 6),
    "last_update_id": 7,
}

# For each table its own interval, and the widest that is rolled up from it.
UNLIKE_INTERVALS = [Interval(name) for name in ("1m", "30m", "1h", "12h", "1d", "1w")]

Statement = tuple[str, Any]


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def long(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    """A warehouse with far more history and records than any report returns."""
    if request.param == "mariadb":
        url = request.getfixturevalue("mariadb").fresh()
    else:
        url = f"sqlite:///{tmp_path_factory.mktemp('long') / 'warehouse.db'}"
    warehouse = Warehouse(url)
    stock_long(warehouse)
    yield warehouse
    warehouse.close()


def statements(warehouse: Warehouse, work: Callable[[], object]) -> list[Statement]:
    """Return the SELECT statements that `work` executes."""
    engine, seen = warehouse._database.read_engine, []

    def record(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith("SELECT"):
            seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", record)
    try:
        work()
    finally:
        event.remove(engine, "before_cursor_execute", record)
    return seen


def full_scans(warehouse: Warehouse, executed: list[Statement]) -> list[str]:
    """Return steps of query plans that read a growing table without an index."""
    distinct = dict(executed)
    with warehouse._database.read_engine.connect() as connection:
        plan = _sqlite_scans if connection.dialect.name == "sqlite" else _mysql_scans
        return [
            f"{step}: {' '.join(statement.split())}"
            for statement, parameters in distinct.items()
            for step in plan(connection, statement, parameters)
        ]


def _mysql_scans(connection: Connection, statement: str, parameters: Any) -> Iterator[str]:
    for row in connection.exec_driver_sql(
        f"EXPLAIN FORMAT=TRADITIONAL {statement}", parameters
    ).mappings():
        named = row["table"] in GROWING or str(row["table"]).endswith("_part")
        if named and row["type"] == "ALL":
            yield f"{row['table']}, {row['rows']} rows"


def _sqlite_scans(connection: Connection, statement: str, parameters: Any) -> Iterator[str]:
    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
        words = row.detail.split()
        if words[0] == "SCAN" and words[1] in GROWING and "INDEX" not in words:
            yield str(row.detail)


def report_calls(reports: Reports) -> dict[str, Callable[[], object]]:
    """Return a call of every public method of Reports."""
    found: dict[str, Callable[[], object]] = {}
    for name, method in inspect.getmembers(reports, inspect.ismethod):
        if name.startswith("_") or name == "close":
            continue
        parameters = inspect.signature(method).parameters
        needed = {
            key: GIVEN[key] if key in GIVEN else _first_member(parameter)
            for key, parameter in parameters.items()
            if parameter.default is inspect.Parameter.empty
        }
        if "limit" in parameters:
            needed["limit"] = 10  # of thousands, because a server scans small tables
        found[name] = partial(method, **needed)
    return found


def _first_member(parameter: inspect.Parameter) -> Any:
    """Return the first member of an enumeration; other arguments must be in GIVEN."""
    assert issubclass(parameter.annotation, Enum), f"add {parameter} to GIVEN"
    return next(iter(parameter.annotation))


def unlike_providers() -> list[str]:
    """Return, of providers that read closes or more with the same inputs, the most demanding."""
    found: dict[Any, tuple[int, str]] = {}
    for name, each in find_providers().items():
        params = each.parse_params({})
        before = params.warm_up(Interval.M30)
        closes_only = set(each.reads) <= {"close"}
        need = (each.inputs, closes_only, params.companions(), bool(before))
        found[need] = max((before, name), found.get(need, (0, "")))
    return sorted(name for _, name in found.values())


def test_no_report_reads_a_whole_table(long: Warehouse) -> None:
    reports = Reports(long, clock=lambda: UNTIL)
    executed = {name: statements(long, call) for name, call in report_calls(reports).items()}
    assert executed["get_candles"] and executed["get_dashboard"]
    scans = [
        f"{name}: {one}" for name, found in executed.items() for one in full_scans(long, found)
    ]
    assert scans == [], "\n".join(scans)


def test_no_provider_reads_a_whole_table(long: Warehouse) -> None:
    reports = Reports(long, clock=lambda: UNTIL)
    executed = [
        statement
        for interval in UNLIKE_INTERVALS
        for name in unlike_providers()
        for statement in statements(
            long, partial(reports.get_indicator, name, "SHIBUSDT", interval, limit=50)
        )
    ]
    assert full_scans(long, executed) == []


class RowCounter:
    """Counts rows that the storage engine returns to a session of the server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count(self, work: Callable[[], object]) -> int:
        before = self._read_total()
        idle = self._read_total() - before
        work()
        return self._read_total() - before - 2 * idle

    def _read_total(self) -> int:
        with self._engine.connect() as connection:
            rows = connection.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'")).all()
        return sum(int(value) for _, value in rows)


def allowed_rows(name: str, interval: Interval) -> float:
    """Return how many rows a provider may read for the candles shown and their history.

    Grouping reads each candle a few times, and companions add rows: a dozen more per candle. A
    provider of closes reads one row per candle and one per companion, each counted twice, and half
    a row for the flag `partial`.
    """
    stored = max(s.ms for s in (Interval.M1, Interval.H1, Interval.D1) if s.ms <= interval.ms)
    provider = find_providers()[name]
    candles = POINTS + provider.parse_params({}).warm_up(interval)
    if set(provider.reads) <= {"close"}:
        return 6 * candles + 400
    return candles * (1.05 * interval.ms / stored + 14)


@pytest.mark.parametrize("long", ["mariadb"], indirect=True)
def test_a_provider_reads_few_more_rows_than_it_needs(long: Warehouse) -> None:
    reports = Reports(long, clock=lambda: UNTIL)
    counter = RowCounter(long._database.read_engine)
    wasteful = {}
    for name in unlike_providers():
        for interval in UNLIKE_INTERVALS:
            rows = counter.count(
                partial(reports.get_indicator, name, "SHIBUSDT", interval, limit=POINTS)
            )
            if rows > allowed_rows(name, interval):
                wasteful[f"{name} {interval}"] = (rows, allowed_rows(name, interval))
    assert wasteful == {}
