"""The catalog of lake objects: recorded in any order, listed by window, counted by index."""

from dataclasses import replace
from itertools import permutations

from sqlalchemy import event, text

from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.warehouse.minutes import FETCHED, START, SYMBOL, batch, minutes, track

KLINES = ObjectKind.KLINES
DAY = Window(START, START + DAY_MS)


def _object(number: int, fetched_at: int = FETCHED, symbol: str = SYMBOL) -> LakeObject:
    """Make the object with the number-th ten minutes of the day."""
    first = START + number * 10 * MINUTE_MS
    return LakeObject(
        bucket="crypto-raw",
        key=f"2024-01-01/{symbol}_klines_{first}_rest.json",
        symbol=symbol,
        kind=KLINES,
        source=Source.REST,
        first_time=first,
        last_time=first + 9 * MINUTE_MS,
        rows=10,
        size_bytes=1000 + number,
        sha256=f"{number:064x}",
        fetched_at=fetched_at,
    )


def _keys(objects: list[LakeObject]) -> list[str]:
    return [item.key for item in objects]


def test_an_object_reads_back_and_is_recorded_once(warehouse: Warehouse) -> None:
    item = _object(1)
    warehouse.lake_objects.record_objects([item, item])
    warehouse.lake_objects.record_objects([item])
    assert warehouse.lake_objects.list_in_window(SYMBOL, KLINES, DAY) == [item]
    assert warehouse.lake_objects.find_object(item.bucket, item.key) == item
    assert warehouse.lake_objects.find_object("other", item.key) is None


def test_the_latest_fetch_remains_in_any_order(warehouse: Warehouse) -> None:
    versions = [
        replace(_object(1), fetched_at=FETCHED + n, sha256=f"{n:064x}", rows=10 + n)
        for n in range(3)
    ]
    for order in permutations(versions):
        for version in order:
            warehouse.lake_objects.record_objects([version])
        assert warehouse.lake_objects.list_in_window(SYMBOL, KLINES, DAY) == [versions[2]]
        warehouse.lake_objects.forget_objects(versions[:2])
        assert warehouse.lake_objects.list_in_window(SYMBOL, KLINES, DAY) == [versions[2]]
        warehouse.lake_objects.forget_objects(versions)
        assert warehouse.lake_objects.list_latest() == []


def test_a_later_fetch_is_unloaded(warehouse: Warehouse) -> None:
    track(warehouse)
    item, candles = batch(minutes(START, 10))
    warehouse.lake_objects.record_objects([item])
    warehouse.facts.load_objects(SYMBOL, [(item, candles)])
    warehouse.lake_objects.record_objects([item])
    assert warehouse.lake_objects.list_unloaded(SYMBOL, KLINES, DAY) == []
    for changed in (
        replace(item, fetched_at=item.fetched_at + 1),
        replace(item, fetched_at=item.fetched_at + 1, sha256="f" * 64),
    ):
        warehouse.lake_objects.record_objects([changed])
        assert warehouse.lake_objects.list_unloaded(SYMBOL, KLINES, DAY) == [changed]
        warehouse.facts.load_objects(SYMBOL, [(changed, candles)])
        assert warehouse.lake_objects.list_unloaded(SYMBOL, KLINES, DAY) == []


def test_loading_an_older_fetch_does_not_mark_the_newer(warehouse: Warehouse) -> None:
    track(warehouse)
    item, candles = batch(minutes(START, 10))
    newer = replace(item, fetched_at=item.fetched_at + 1, sha256="f" * 64)
    warehouse.lake_objects.record_objects([newer])
    warehouse.facts.load_objects(SYMBOL, [(item, candles)])
    assert warehouse.lake_objects.list_unloaded(SYMBOL, KLINES, DAY) == [newer]


def test_unloaded_objects_are_listed_by_window_oldest_fetch_first(warehouse: Warehouse) -> None:
    items = [_object(n, FETCHED - n) for n in range(4)]
    warehouse.lake_objects.record_objects([*items, _object(2, symbol="ETHUSDT")])
    unloaded = warehouse.lake_objects.list_unloaded
    assert unloaded(SYMBOL, KLINES, DAY) == items[::-1]
    inside = Window(START + 19 * MINUTE_MS, START + 20 * MINUTE_MS + 1)
    assert unloaded(SYMBOL, KLINES, inside) == [items[2], items[1]]
    assert unloaded(SYMBOL, ObjectKind.DEPTH, DAY) == []
    assert warehouse.lake_objects.list_orphaned(KLINES, 2**53) == [], "unregistered symbols"
    track(warehouse)
    assert len(warehouse.lake_objects.list_orphaned(KLINES, 2**53)) == 4
    assert len(warehouse.lake_objects.list_orphaned(KLINES, 2**53, limit=2)) == 2
    assert warehouse.lake_objects.list_orphaned(KLINES, FETCHED - 2) == [items[3]]


def test_a_window_can_be_marked_to_be_loaded_again(warehouse: Warehouse) -> None:
    track(warehouse)
    item, candles = batch(minutes(START, 10))
    warehouse.lake_objects.record_objects([item, _object(50)])
    warehouse.facts.load_objects(SYMBOL, [(item, candles)])
    assert (
        warehouse.lake_objects.mark_unloaded(SYMBOL, KLINES, Window(START + DAY_MS, FETCHED)) == 0
    )
    assert warehouse.lake_objects.mark_unloaded(SYMBOL, KLINES, DAY) == 1
    assert item in warehouse.lake_objects.list_unloaded(SYMBOL, KLINES, DAY)


def test_a_move_is_recorded_and_can_be_repeated(warehouse: Warehouse) -> None:
    item = _object(1)
    warehouse.lake_objects.record_objects([item])
    for first in (True, False):
        assert warehouse.lake_objects.record_moves([item], "crypto-archive") == (
            {item.key} if first else set()
        )
        moved = replace(item, bucket="crypto-archive")
        assert warehouse.lake_objects.list_in_window(SYMBOL, KLINES, DAY) == [moved]
    warehouse.lake_objects.record_objects([replace(item, rows=9)])
    warehouse.lake_objects.record_moves([item], "crypto-archive")
    assert [found.rows for found in warehouse.lake_objects.list_in_window(SYMBOL, KLINES, DAY)] == [
        9
    ]


def test_a_later_fetch_does_not_move_with_the_old_object(warehouse: Warehouse) -> None:
    old = _object(1)
    later = replace(old, fetched_at=FETCHED + 1, sha256="f" * 64)
    warehouse.lake_objects.record_objects([old, later])
    assert not warehouse.lake_objects.record_moves([old], "crypto-archive")
    assert warehouse.lake_objects.list_in_window(SYMBOL, KLINES, DAY) == [later]


def test_totals_ingestion_log_and_deletion(warehouse: Warehouse) -> None:
    items = [_object(n, FETCHED + n) for n in range(5)]
    depth = replace(items[0], key="d", kind=ObjectKind.DEPTH, size_bytes=7)
    archived = replace(items[4], bucket="crypto-archive")
    warehouse.lake_objects.record_objects([*items[:4], depth, archived])
    totals = [
        (t.bucket, t.kind, t.objects, t.size_bytes)
        for t in warehouse.lake_objects.list_lake_totals()
    ]
    assert totals == [
        ("crypto-archive", KLINES, 1, 1004),
        ("crypto-raw", ObjectKind.DEPTH, 1, 7),
        ("crypto-raw", KLINES, 4, 4006),
    ]
    assert _keys(warehouse.lake_objects.list_latest(limit=2, offset=1)) == _keys(
        [items[3], items[2]]
    )
    assert _keys(warehouse.lake_objects.list_latest(before=FETCHED + 3)) == _keys(
        [*items[2:0:-1], depth, items[0]]
    )
    warehouse.lake_objects.forget_objects(items)
    assert len(warehouse.lake_objects.list_latest()) == 2


def test_the_ingestion_log_is_read_in_the_order_of_an_index(mariadb_warehouse_url: str) -> None:
    warehouse = Warehouse(mariadb_warehouse_url)
    warehouse.lake_objects.record_objects([_object(n, FETCHED + n // 3) for n in range(5000)])
    queries: list[str] = []
    engine = warehouse.lake_objects._database.engine
    event.listen(engine, "before_cursor_execute", lambda *args: queries.append(args[2] % args[3]))
    assert len(warehouse.lake_objects.list_latest(limit=20, offset=40, before=FETCHED + 100)) == 20
    with engine.connect() as connection:
        connection.execute(text("ANALYZE TABLE lake_objects")).all()
        plan = connection.execute(text(f"EXPLAIN FORMAT=TRADITIONAL {queries[0]}")).mappings().one()
    warehouse.close()
    assert plan["key"] == "ix_lake_objects_fetched"
    assert "filesort" not in plan["Extra"]


def test_loaded_rows_are_counted_by_day(warehouse: Warehouse) -> None:
    track(warehouse)
    parts = [minutes(START, 10), minutes(START + 5 * MINUTE_MS, 10), minutes(START + DAY_MS, 3)]
    batches = [batch(candles) for candles in parts]
    unloaded, _ = batch(minutes(START + 30 * MINUTE_MS, 10))
    warehouse.lake_objects.record_objects([unloaded, *(item for item, _ in batches)])
    warehouse.facts.load_objects(SYMBOL, batches)
    two_days = Window(START, START + 2 * DAY_MS)
    counted = warehouse.lake_objects.count_loaded_by_day(SYMBOL, KLINES, two_days)
    assert counted == {START: (2, 20), START + DAY_MS: (1, 3)}


def test_the_rows_of_a_window_and_their_first_and_last_time(warehouse: Warehouse) -> None:
    objects = [_object(number) for number in (1, 2, 5)]
    warehouse.lake_objects.record_objects(objects)
    times = objects[0].first_time, objects[-1].last_time
    assert warehouse.lake_objects.summarize_rows(SYMBOL, KLINES, DAY) == (30, times)
    next_day = Window(DAY.end_ms, DAY.end_ms + DAY_MS)
    assert warehouse.lake_objects.summarize_rows(SYMBOL, KLINES, next_day) == (0, None)
