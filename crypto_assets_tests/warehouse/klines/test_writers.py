"""Several processes at once, and processes killed in the middle of a transaction."""

import multiprocessing
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
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
PATIENCE_SECONDS = 60.0
LATER = START + 9 * DAY_MS
# The server refreshes its list of transactions no sooner than 0.1 s after the last look at it.
POLL_SECONDS = 0.25


@pytest.fixture(scope="module")
def pair() -> Iterator[ProcessPoolExecutor]:
    """Two processes that begin each task together."""
    barrier = SPAWN.Barrier(2)
    with ProcessPoolExecutor(
        2, mp_context=SPAWN, initializer=writers.meet_at, initargs=(barrier,)
    ) as pool:
        yield pool


def test_two_writers_of_one_symbol_end_as_one_would(
    warehouse: Warehouse, warehouse_url: str, pair: ProcessPoolExecutor
) -> None:
    names = [f"R{number}USDT" for number in range(ROUNDS)]
    track(warehouse, *names)
    expected = pa.concat_tables([writers.two_days(0).slice(0, 144), writers.two_days(1)])
    for name in names:
        tasks = [pair.submit(writers.load_two_days, warehouse_url, name, day) for day in (0, 1)]
        for task in tasks:
            task.result(PATIENCE_SECONDS)
        facts = warehouse.facts.read_candles(name, writers.THREE_DAYS)
        assert facts.equals(expected)
        assert warehouse.watermarks.get_watermark(name).record_count == 3 * 144
        assert _mostly_equal(warehouse, name, Interval.H1)
        assert _mostly_equal(warehouse, name, Interval.D1)
    assert not warehouse.aggregates.has_stale_hours(names, writers.THREE_DAYS)


def _mostly_equal(warehouse: Warehouse, name: str, interval: Interval) -> bool:
    """Close, volumes of whole numbers and counts are exact on SQLite as well."""
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
def test_every_writer_of_a_symbol_waits_for_the_one_before(
    mariadb: DatabaseServer, mariadb_warehouse: Warehouse, writer: str
) -> None:
    """Between what a writer reads and what it writes, no other may change the symbol."""
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
        task.result(PATIENCE_SECONDS)


def test_two_processes_migrate_at_once(
    mariadb: DatabaseServer, pair: ProcessPoolExecutor, tmp_path: Path
) -> None:
    for url in (mariadb.fresh(), f"sqlite:///{tmp_path / 'new' / 'warehouse.db'}"):
        for task in [pair.submit(writers.migrate, url) for _ in range(2)]:
            task.result(PATIENCE_SECONDS)
        warehouse = Warehouse(url)
        track(warehouse)
        warehouse.close()


def test_two_processes_register_at_once(
    warehouse: Warehouse, warehouse_url: str, pair: ProcessPoolExecutor
) -> None:
    names = [f"S{number}USDT" for number in range(30)]
    orders = (names, names[::-1])
    tasks = [pair.submit(writers.register, warehouse_url, order) for order in orders]
    added = [task.result(PATIENCE_SECONDS) for task in tasks]
    assert sorted(added[0] + added[1]) == sorted(names)
    assert [s.name for s in warehouse.symbols.list_tracked()] in orders


def _killed_while(url: str, in_the_middle: Callable[[], bool]) -> None:
    """Runs a load of changed days and kills it once it has written but not committed."""
    process = SPAWN.Process(target=writers.load_changed_day, args=(url, SYMBOL))
    process.start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not in_the_middle():
        assert process.is_alive() and time.monotonic() < deadline
        time.sleep(POLL_SECONDS)
    process.kill()
    process.join()


def _prepare(warehouse: Warehouse) -> None:
    track(warehouse)
    warehouse.lake_objects.record_objects([writers.later_days(SYMBOL)[0]])
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 1440))])


def _is_untouched(warehouse: Warehouse) -> bool:
    return bool(
        warehouse.facts.read_candles(SYMBOL, writers.THREE_DAYS).equals(minutes(START, 1440))
        and warehouse.watermarks.get_watermark(SYMBOL).record_count == 1440
        and warehouse.revisions.list_revisions(SYMBOL) == []
        and warehouse.lake_objects.list_latest()[0].loaded_at is None
    )


def _finishes(warehouse: Warehouse) -> None:
    item, candles = writers.later_days(SYMBOL)
    result = warehouse.facts.load_objects(SYMBOL, [(item, candles)])
    assert (result.new, result.changed) == (1440, 1440)
    assert warehouse.facts.read_candles(SYMBOL, writers.THREE_DAYS).equals(candles)
    assert warehouse.watermarks.get_watermark(SYMBOL).record_count == 2 * 1440
    assert len(warehouse.revisions.list_revisions(SYMBOL, limit=10_000)) == 1440
    assert warehouse.lake_objects.list_latest()[0].loaded_at is not None
    again = warehouse.facts.load_objects(SYMBOL, [(item, candles)])
    assert (again.new, again.changed) == (0, 0)


def test_a_load_killed_on_the_server_leaves_nothing_and_may_be_repeated(
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
        # The load comes to this row last, with everything else written.
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM lake_objects FOR UPDATE")
        _killed_while(mariadb_warehouse_url, lambda: transactions("LOCK WAIT") == 1)
        cursor.execute("ROLLBACK")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while transactions("%"):
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)
    assert _is_untouched(mariadb_warehouse)
    assert not mariadb_warehouse.aggregates.has_stale_hours([SYMBOL], writers.THREE_DAYS)
    _finishes(mariadb_warehouse)


def test_a_load_killed_on_sqlite_leaves_nothing_and_may_be_repeated(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.db"
    warehouse = Warehouse(f"sqlite:///{path}")
    warehouse.migrate_schema()
    _prepare(warehouse)
    with sqlite3.connect(path) as admin:
        # The watermark comes after the rows; here its statement takes minutes.
        admin.execute(
            "CREATE TRIGGER slow AFTER UPDATE ON extraction_metadata BEGIN"
            " INSERT INTO audit_log (changed_at, who, name) WITH RECURSIVE"
            " n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000000000)"
            " SELECT max(x), 'test', 'slow' FROM n; END"
        )
    begun: list[float] = []

    def in_the_middle() -> bool:
        with sqlite3.connect(path, timeout=0, isolation_level=None) as probe:
            try:
                probe.execute("BEGIN IMMEDIATE")
                probe.execute("ROLLBACK")
            except sqlite3.OperationalError:
                begun.append(time.monotonic())
        return bool(begun) and time.monotonic() - begun[0] > 1.5

    _killed_while(f"sqlite:///{path}", in_the_middle)
    with sqlite3.connect(path) as admin:
        admin.execute("DROP TRIGGER slow")
    assert _is_untouched(warehouse)
    _finishes(warehouse)
    warehouse.close()
