"""Loading minutes: once each, the later fetch wins, nothing half done."""

from decimal import Decimal

import pyarrow as pa
import pytest

from crypto_assets.errors import LoadRejected, UnknownSymbol
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.services.mariadb import DatabaseServer
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
from crypto_assets_tests.warehouse.stored_minutes import delete_minutes

DAY = Window(START, START + DAY_MS)


def test_a_loaded_day_reads_back_as_it_came(warehouse: Warehouse) -> None:
    track(warehouse)
    day = minutes(START, 1440)
    result = warehouse.facts.load_objects(SYMBOL, [batch(day)])
    assert (result.rows, result.new, result.changed, result.unchanged) == (1440, 1440, 0, 0)
    assert result.stale_hours == tuple(range(START, START + DAY_MS, HOUR_MS))
    assert warehouse.facts.read_candles(SYMBOL, DAY).equals(day)


def test_loading_again_changes_nothing(warehouse: Warehouse) -> None:
    track(warehouse)
    day = batch(minutes(START, 1440))
    warehouse.facts.load_objects(SYMBOL, [day])
    again = warehouse.facts.load_objects(SYMBOL, [day, day])
    assert (again.rows, again.new, again.changed, again.stale_hours) == (2880, 0, 0, ())
    assert warehouse.watermarks.get_watermark(SYMBOL).record_count == 1440


def test_a_later_fetch_wins_and_an_earlier_one_does_not(warehouse: Warehouse) -> None:
    track(warehouse)
    first, second = table([minute(START, 100)]), table([minute(START, 200)])
    warehouse.facts.load_objects(SYMBOL, [batch(first, FETCHED)])
    later = warehouse.facts.load_objects(SYMBOL, [batch(second, FETCHED + 1)])
    assert (later.new, later.changed, later.stale_hours) == (0, 1, (START,))
    earlier = warehouse.facts.load_objects(SYMBOL, [batch(first, FETCHED - 1, Source.REST)])
    assert (earlier.new, earlier.changed, earlier.unchanged) == (0, 0, 1)
    assert warehouse.facts.read_candles(SYMBOL, DAY).equals(second)


def test_any_difference_is_a_change(warehouse: Warehouse) -> None:
    track(warehouse)
    warehouse.facts.load_objects(SYMBOL, [batch(table([minute(START)]))])
    changes = {
        "open": Decimal("101"),
        "high": Decimal("103"),
        "low": Decimal("98"),
        "close": Decimal("100.5"),
        "volume": Decimal("7.00000001"),
        "close_time": START + 30_000,
        "quote_volume": Decimal("700.00000001"),
        "trade_count": 22,
        "taker_buy_volume": Decimal("3.4"),
        "taker_buy_quote_volume": Decimal("350.1"),
    }
    for number, (name, value) in enumerate(changes.items(), start=1):
        changed = table([{**minute(START), name: value}])
        result = warehouse.facts.load_objects(SYMBOL, [batch(changed, FETCHED + number)])
        assert (name, result.changed) == (name, 1)
        assert warehouse.facts.read_candles(SYMBOL, DAY).equals(changed)


def test_open_times_off_the_minute_are_kept_as_they_are(warehouse: Warehouse) -> None:
    track(warehouse)
    odd = table([minute(START + 13_000), minute(START + 73_001), minute(START + 60_000)])
    warehouse.facts.load_objects(SYMBOL, [batch(odd)])
    assert warehouse.facts.read_candles(SYMBOL, DAY)["open_time"].to_pylist() == [
        START + 13_000,
        START + 60_000,
        START + 73_001,
    ]


def test_tiny_prices_and_huge_volumes_are_exact(mariadb_warehouse: Warehouse) -> None:
    track(mariadb_warehouse)
    rows = [
        {
            **minute(START + n * MINUTE_MS),
            "low": Decimal("0.00000001"),
            "open": Decimal("0.00000100"),
            "high": Decimal("999999999999.99999999"),
            "volume": Decimal("9999999999999999999999.99999999"),
            "quote_volume": Decimal("0.00000000"),
            "taker_buy_volume": Decimal("0.00000012"),
        }
        for n in range(400)
    ]
    for count in (5, 400):  # by INSERT and by file
        candles = table(rows[:count])
        mariadb_warehouse.facts.load_objects(SYMBOL, [batch(candles, FETCHED + count)])
        assert mariadb_warehouse.facts.read_candles(SYMBOL, DAY).equals(candles)


def test_the_window_the_limit_and_the_newest(warehouse: Warehouse) -> None:
    track(warehouse, SYMBOL, "ETHUSDT")
    day = minutes(START, 100)
    warehouse.facts.load_objects(SYMBOL, [batch(day)])
    warehouse.facts.load_objects("ETHUSDT", [batch(minutes(START, 5), symbol="ETHUSDT")])
    read = warehouse.facts.read_candles
    assert read(SYMBOL, Window(START + MINUTE_MS, START + 4 * MINUTE_MS)).equals(day.slice(1, 3))
    assert read(SYMBOL, DAY, limit=4).equals(day.slice(0, 4))
    assert read(SYMBOL, DAY, limit=4, newest=True).equals(day.slice(96, 4))
    assert read(SYMBOL, Window(0, START)).num_rows == 0
    assert read("ETHUSDT", DAY).num_rows == 5


def test_the_watermark_follows_the_newest_and_counts_rows(warehouse: Warehouse) -> None:
    track(warehouse)
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START + DAY_MS, 10), FETCHED + 5)])
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 20), FETCHED)])
    mark = warehouse.watermarks.get_watermark(SYMBOL)
    assert mark.last_open_time == START + DAY_MS + 9 * MINUTE_MS
    assert (mark.last_fetch_time, mark.record_count) == (FETCHED + 5, 30)
    assert warehouse.watermarks.get_all() == {SYMBOL: mark}


def test_loading_marks_the_object_as_it_was_recorded(warehouse: Warehouse) -> None:
    track(warehouse)
    item, candles = batch(minutes(START, 10))
    warehouse.lake_objects.record_objects([item])
    warehouse.facts.load_objects(SYMBOL, [(item, candles)])
    (held,) = warehouse.lake_objects.list_in_window(SYMBOL, ObjectKind.KLINES, DAY)
    assert held.loaded_at is not None


def test_purged_minutes_do_not_return(warehouse: Warehouse) -> None:
    track(warehouse)
    days = batch(minutes(START, 2 * 1440))
    warehouse.facts.load_objects(SYMBOL, [days])
    assert warehouse.facts.expire_minutes(SYMBOL, START + DAY_MS) == 1440
    assert warehouse.facts.expire_minutes(SYMBOL, START + DAY_MS) == 0
    assert warehouse.watermarks.get_watermark(SYMBOL).record_count == 1440
    again = warehouse.facts.load_objects(SYMBOL, [days])
    assert (again.rows, again.new, again.stale_hours) == (2880, 0, ())
    assert warehouse.facts.read_candles(SYMBOL, DAY).num_rows == 0
    with pytest.raises(ValueError, match="not the start of a UTC day"):
        warehouse.facts.expire_minutes(SYMBOL, START + 1)


def test_counts_follow_deleted_minutes(warehouse: Warehouse) -> None:
    track(warehouse)
    whole = minutes(START, 1440)
    warehouse.facts.load_objects(SYMBOL, [batch(whole)])
    delete_minutes(warehouse, SYMBOL, DAY)
    warehouse.facts.load_objects(SYMBOL, [batch(whole.slice(0, 60))])
    assert warehouse.facts.read_candles(SYMBOL, DAY).equals(whole.slice(0, 60))
    mark = warehouse.watermarks.get_watermark(SYMBOL)
    assert (mark.record_count, mark.last_open_time) == (60, START + 59 * MINUTE_MS)
    warehouse.aggregates.recompute_hours(SYMBOL, DAY, START + DAY_MS)
    assert warehouse.coverage.count_minutes_by_day(SYMBOL, DAY) == {START: 60}
    assert warehouse.coverage.find_first_and_last(SYMBOL, DAY) == (START, START + 59 * MINUTE_MS)
    assert (
        warehouse.coverage.find_first_and_last(SYMBOL, Window(DAY.end_ms, DAY.end_ms + DAY_MS))
        is None
    )


def test_nothing_to_load_is_no_error_and_an_unknown_symbol_is(warehouse: Warehouse) -> None:
    track(warehouse)
    assert warehouse.facts.load_objects(SYMBOL, []).rows == 0
    with pytest.raises(UnknownSymbol):
        warehouse.facts.load_objects("NOPE", [batch(minutes(START, 1))])


def test_what_the_server_would_bend_is_rejected_whole(
    mariadb: DatabaseServer, mariadb_warehouse_url: str
) -> None:
    database = mariadb_warehouse_url.rpartition("/")[2]
    warehouse = Warehouse(mariadb_warehouse_url)
    track(warehouse)
    day = minutes(START, 1440)
    narrow = "ALTER TABLE fact_klines MODIFY close DECIMAL(4,2) NOT NULL"
    mariadb.execute(narrow, database=database)
    try:
        with pytest.raises(LoadRejected, match="1440 rows were sent"):
            warehouse.facts.load_objects(SYMBOL, [batch(day)])
        assert warehouse.facts.read_candles(SYMBOL, DAY).num_rows == 0
        assert warehouse.watermarks.get_watermark(SYMBOL).record_count == 0
        assert warehouse.aggregates.list_stale_symbols() == []
    finally:
        mariadb.execute(
            "ALTER TABLE fact_klines MODIFY close DECIMAL(20,8) NOT NULL", database=database
        )
        warehouse.close()


def test_a_server_that_refuses_files_is_served_by_inserts(
    mariadb: DatabaseServer, mariadb_warehouse_url: str
) -> None:
    warehouse = Warehouse(mariadb_warehouse_url)
    track(warehouse)
    day, later = minutes(START, 1440), minutes(START, 1440, base=500)
    mariadb.execute("SET GLOBAL local_infile = 0")
    try:
        assert warehouse.facts.load_objects(SYMBOL, [batch(day)]).new == 1440
        assert warehouse.facts.read_candles(SYMBOL, DAY).equals(day)
        assert warehouse.facts.load_objects(SYMBOL, [batch(later, FETCHED + 1)]).changed == 1440
        assert warehouse.facts.read_candles(SYMBOL, DAY).equals(later)
    finally:
        mariadb.execute("SET GLOBAL local_infile = 1")
        warehouse.close()


def test_batches_with_holes_of_days_between_them_load_as_one(warehouse: Warehouse) -> None:
    track(warehouse)
    parts = [minutes(START + day * DAY_MS, 3) for day in (0, 1, 9, 400)]
    result = warehouse.facts.load_objects(SYMBOL, [batch(part) for part in reversed(parts)])
    assert result.new == 12
    everything = Window(START, START + 401 * DAY_MS)
    assert warehouse.facts.read_candles(SYMBOL, everything).equals(pa.concat_tables(parts))
