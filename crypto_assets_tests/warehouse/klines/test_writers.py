"""Concurrent writers, and writers that are killed in the middle of a transaction."""

import multiprocessing
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import roll_up
from crypto_assets.market.utc_time import DAY_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.warehouse import writers
from crypto_assets_tests.warehouse.books import order_book
from crypto_assets_tests.warehouse.minutes import START, SYMBOL, batch, minutes, track

ROUNDS = 20
SPAWN = multiprocessing.get_context("spawn")
TIMEOUT_SECONDS = 60.0
LATER = START + 9 * DAY_MS
# The server caches its list of transactions for 0.1 s after each query.
POLL_SECONDS = 0.25


@pytest.fixture(scope="module")
def pair() -> Iterator[ProcessPoolExecutor]:
    """Start two processes that begin each task at the same time."""
    barrier = SPAWN.Barrier(2)
    with ProcessPoolExecutor(
        2, mp_context=SPAWN, initializer=writers.meet_at, initargs=(barrier,)
    ) as pool:
        yield pool


def test_two_writers_of_one_symbol_give_the_result_of_one(
    warehouse: Warehouse, warehouse_url: str, pair: ProcessPoolExecutor
) -> None:
    names = [f"R{number}USDT" for number in range(ROUNDS)]
    track(warehouse, *names)
    expected = pa.concat_tables([writers.two_days(0).slice(0, 144), writers.two_days(1)])
    for name in names:
        tasks = [pair.submit(writers.load_two_days, warehouse_url, name, day) for day in (0, 1)]
        for task in tasks:
            task.result(TIMEOUT_SECONDS)
        facts = warehouse.facts.read_candles(name, writers.THREE_DAYS)
        assert facts.equals(expected)
        assert warehouse.watermarks.get_watermark(name).record_count == 3 * 144
        assert _matches_rule(warehouse, name, Interval.H1)
        assert _matches_rule(warehouse, name, Interval.D1)
    assert not warehouse.aggregates.has_stale_hours(names, writers.THREE_DAYS)


def _matches_rule(warehouse: Warehouse, name: str, interval: Interval) -> bool:
    """Compare the columns that are exact on SQLite too."""
    stored = warehouse.aggregates.read_candles(name, interval, writers.THREE_DAYS)
    right = roll_up(warehouse.facts.read_candles(name, writers.THREE_DAYS), interval)
    columns = ["open_time", "open", "high", "low", "close", "volume", "trade_count"]
    return bool(stored.select(columns).equals(right.select(columns)))


WRITERS: dict[str, Callable[[Warehouse], object]] = {
    "load": lambda w: w.facts.load_objects(SYMBOL, [batch(minutes(START, 10))]),
    "purge": lambda w: w.facts.expire_minutes(SYMBOL, START),
    "hours": lambda w: w.aggregates.recompute_hours(SYMBOL, writers.THREE_DAYS, START + DAY_MS),
    "days": lambda w: w.aggregates.recompute_days(SYMBOL, writers.THREE_DAYS, START + 2 * DAY_MS),
    "gaps": lambda w: w.gap_ledger.refresh_gaps(SYMBOL, writers.THREE_DAYS),
    "order books": lambda w: w.order_books.load_snapshots(SYMBOL, [order_book(7, START)]),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_every_writer_waits_for_the_lock_of_the_symbol(
    mariadb: DatabaseServer, mariadb_warehouse: Warehouse, writer: str
) -> None:
    """No other writer may change the symbol between a writer's reads and its writes."""
    track(mariadb_warehouse)
    load_two = [batch(minutes(START, 2 * 1440))]
    mariadb_warehouse.facts.load_objects(SYMBOL, load_two)
    mariadb_warehouse.aggregates.recompute_hours(
        SYMBOL, Window(START + DAY_MS, START + 2 * DAY_MS), LATER
    )
    with (
        mariadb.connect(mariadb_warehouse._database.url.database) as holder,
        holder.cursor() as cursor,
        ThreadPoolExecutor(1) as pool,
    ):
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM symbols FOR UPDATE")
        task = pool.submit(WRITERS[writer], mariadb_warehouse)
        with pytest.raises(TimeoutError):
            task.result(0.5)
        cursor.execute("ROLLBACK")
        task.result(TIMEOUT_SECONDS)


def test_two_processes_migrate_concurrently(
    mariadb: DatabaseServer, pair: ProcessPoolExecutor, tmp_path: Path
) -> None:
    for url in (mariadb.fresh(), f"sqlite:///{tmp_path / 'new' / 'warehouse.db'}"):
        for task in [pair.submit(writers.migrate, url) for _ in range(2)]:
            task.result(TIMEOUT_SECONDS)
        warehouse = Warehouse(url)
        track(warehouse)
        warehouse.close()


def test_two_processes_register_symbols_concurrently(
    warehouse: Warehouse, warehouse_url: str, pair: ProcessPoolExecutor
) -> None:
    names = [f"S{number}USDT" for number in range(30)]
    orders = (names, names[::-1])
    tasks = [pair.submit(writers.register, warehouse_url, order) for order in orders]
    added = [task.result(TIMEOUT_SECONDS) for task in tasks]
    assert sorted(added[0] + added[1]) == sorted(names)
    assert [s.name for s in warehouse.symbols.list_tracked()] in orders


def _kill_during_load(url: str, in_the_middle: Callable[[], bool]) -> None:
    """Run a load of changed days and kill it after it has written and before it commits."""
    process = SPAWN.Process(target=writers.load_changed_day, args=(url, SYMBOL))
    process.start()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not in_the_middle():
        assert process.is_alive() and time.monotonic() < deadline
        time.sleep(POLL_SECONDS)
    process.kill()
    process.join()


def _prepare(warehouse: Warehouse) -> None:
    track(warehouse)
    warehouse.lake_objects.record_objects([writers.later_days(SYMBOL)[0]])
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 1440))])


def _is_unchanged(warehouse: Warehouse) -> bool:
    return bool(
        warehouse.facts.read_candles(SYMBOL, writers.THREE_DAYS).equals(minutes(START, 1440))
        and warehouse.watermarks.get_watermark(SYMBOL).record_count == 1440
        and warehouse.revisions.list_revisions(SYMBOL) == []
        and warehouse.lake_objects.list_latest()[0].loaded_at is None
    )


def _assert_load_succeeds(warehouse: Warehouse) -> None:
    item, candles = writers.later_days(SYMBOL)
    result = warehouse.facts.load_objects(SYMBOL, [(item, candles)])
    assert (result.new, result.changed) == (1440, 1440)
    assert warehouse.facts.read_candles(SYMBOL, writers.THREE_DAYS).equals(candles)
    assert warehouse.watermarks.get_watermark(SYMBOL).record_count == 2 * 1440
    assert len(warehouse.revisions.list_revisions(SYMBOL, limit=10_000)) == 1440
    assert warehouse.lake_objects.list_latest()[0].loaded_at is not None
    again = warehouse.facts.load_objects(SYMBOL, [(item, candles)])
    assert (again.new, again.changed) == (0, 0)


def test_a_load_killed_on_a_server_is_rolled_back_and_can_be_repeated(
    mariadb: DatabaseServer, mariadb_warehouse_url: str, mariadb_warehouse: Warehouse
) -> None:
    _prepare(mariadb_warehouse)
    mariadb_warehouse.aggregates.recompute_hours(
        SYMBOL, Window(START, START + DAY_MS), START + DAY_MS
    )

    def transactions(state: str) -> int:
        with mariadb.connect() as admin, admin.cursor() as cursor:
            where = "trx_state LIKE %s AND trx_rows_modified + trx_tables_locked > 0"
            cursor.execute(
                f"SELECT COUNT(*) FROM information_schema.innodb_trx WHERE {where}", (state,)
            )
            return int((cursor.fetchone() or (0,))[0])

    database = mariadb_warehouse_url.rpartition("/")[2]
    with mariadb.connect(database) as holder, holder.cursor() as cursor:
        # The load updates this row last.
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM lake_objects FOR UPDATE")
        _kill_during_load(mariadb_warehouse_url, lambda: transactions("LOCK WAIT") == 1)
        cursor.execute("ROLLBACK")
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while transactions("%"):
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)
    assert _is_unchanged(mariadb_warehouse)
    assert not mariadb_warehouse.aggregates.has_stale_hours([SYMBOL], writers.THREE_DAYS)
    _assert_load_succeeds(mariadb_warehouse)


def test_a_load_killed_on_sqlite_is_rolled_back_and_can_be_repeated(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.db"
    warehouse = Warehouse(f"sqlite:///{path}")
    warehouse.migrate_schema()
    _prepare(warehouse)
    with closing(sqlite3.connect(path)) as admin, admin:
        # The load updates the watermark after the rows; this trigger makes it take minutes.
        admin.execute(
            "CREATE TRIGGER slow AFTER UPDATE ON extraction_metadata BEGIN"
            " INSERT INTO audit_log (changed_at, who, name) WITH RECURSIVE"
            " n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000000000)"
            " SELECT max(x), 'test', 'slow' FROM n; END"
        )
    begun: list[float] = []

    def in_the_middle() -> bool:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as probe:
            try:
                probe.execute("BEGIN IMMEDIATE")
                probe.execute("ROLLBACK")
            except sqlite3.OperationalError:
                begun.append(time.monotonic())
        return bool(begun) and time.monotonic() - begun[0] > 1.5

    _kill_during_load(f"sqlite:///{path}", in_the_middle)
    with closing(sqlite3.connect(path)) as admin, admin:
        admin.execute("DROP TRIGGER slow")
    assert _is_unchanged(warehouse)
    _assert_load_succeeds(warehouse)
    warehouse.close()
