"""Hours and days follow the exchange's rule to the last digit; only stale ones are recomputed."""

import math
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crypto_assets.errors import WrongUse
from crypto_assets.market.candles import DECIMAL_COLUMNS
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import roll_up
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.warehouse.minutes import (
    FETCHED,
    START,
    SYMBOL,
    Row,
    batch,
    minute,
    minutes,
    table,
    track,
)
from crypto_assets_tests.warehouse.stored_minutes import delete_minutes

LATER = START + 400 * DAY_MS
DAY = Window(START, START + DAY_MS)
PRICES = st.decimals(
    min_value=Decimal("0.00000001"), max_value=Decimal("99999999.99999999"), places=8
)
VOLUMES = st.one_of(
    st.just(Decimal(0)),
    st.decimals(min_value=0, max_value=Decimal("9999999999999.99999999"), places=8),
)


@st.composite
def unusual_minutes(draw: st.DrawFn) -> pa.Table:
    """Minutes of two days: gaps, open times off the grid, no volume, tiny and huge values."""
    offsets = draw(st.lists(st.integers(0, 2 * 1440 - 1), min_size=1, max_size=30, unique=True))
    return table([_draw_minute(draw, START + offset * MINUTE_MS) for offset in sorted(offsets)])


def _draw_minute(draw: st.DrawFn, open_time: int) -> Row:
    prices = sorted(draw(st.tuples(PRICES, PRICES, PRICES, PRICES)))
    return {
        "open_time": open_time + draw(st.sampled_from([0, 0, 0, 13_000])),
        "open": prices[1],
        "high": prices[3],
        "low": prices[0],
        "close": prices[2],
        "volume": draw(VOLUMES),
        "close_time": open_time + draw(st.sampled_from([MINUTE_MS - 1, 20_000])),
        "quote_volume": draw(VOLUMES),
        "trade_count": draw(st.integers(0, 10**9)),
        "taker_buy_volume": draw(VOLUMES),
        "taker_buy_quote_volume": draw(VOLUMES),
    }


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(candles=unusual_minutes())
def test_hours_and_days_equal_the_exchanges_to_the_last_digit(
    mariadb_warehouse: Warehouse, candles: pa.Table
) -> None:
    track(mariadb_warehouse)
    window = Window(START, START + 2 * DAY_MS)
    delete_minutes(mariadb_warehouse, SYMBOL, window)
    mariadb_warehouse.facts.load_objects(SYMBOL, [batch(candles)])
    mariadb_warehouse.aggregates.recompute_hours(SYMBOL, window, LATER)
    mariadb_warehouse.aggregates.recompute_days(SYMBOL, window, LATER)
    for interval in (Interval.H1, Interval.D1):
        assert _read(mariadb_warehouse, interval).equals(roll_up(candles, interval))


def _read(warehouse: Warehouse, interval: Interval) -> pa.Table:
    """Read stored candles under the column names of `roll_up`."""
    stored = warehouse.aggregates.read_candles(SYMBOL, interval, Window(0, LATER))
    return stored.rename_columns({"minute_count": "parts"})


def test_stored_candles_equal_the_rule_to_twelve_digits(warehouse: Warehouse) -> None:
    track(warehouse)
    day = minutes(START, 1440, base=31_234)
    warehouse.facts.load_objects(SYMBOL, [batch(day)])
    warehouse.aggregates.recompute_hours(SYMBOL, DAY, LATER)
    warehouse.aggregates.recompute_days(SYMBOL, DAY, LATER)
    for interval in (Interval.H1, Interval.D1):
        stored, right = _read(warehouse, interval), roll_up(day, interval)
        for name in stored.column_names:
            pairs = zip(stored[name].to_pylist(), right[name].to_pylist(), strict=True)
            if name in DECIMAL_COLUMNS:
                assert all(math.isclose(a, b, rel_tol=1e-12) for a, b in pairs)
            else:
                assert all(a == b for a, b in pairs)


def test_only_closed_hours_and_days_are_stored(warehouse: Warehouse) -> None:
    track(warehouse)
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 1440))])
    now = START + 5 * HOUR_MS + 59 * MINUTE_MS
    done = warehouse.aggregates.recompute_hours(SYMBOL, DAY, now)
    assert done.recomputed == tuple(START + n * HOUR_MS for n in range(5))
    assert done.written == 5
    assert warehouse.aggregates.recompute_days(SYMBOL, DAY, now).recomputed == ()
    assert warehouse.aggregates.has_stale_hours([SYMBOL], DAY)
    assert warehouse.aggregates.recompute_hours(SYMBOL, DAY, START + DAY_MS).written == 19
    assert warehouse.aggregates.recompute_days(SYMBOL, DAY, START + DAY_MS - 1).recomputed == ()
    assert warehouse.aggregates.recompute_days(SYMBOL, DAY, START + DAY_MS).recomputed == (START,)
    assert not warehouse.aggregates.has_stale_hours([SYMBOL], DAY)


def test_a_day_is_computed_after_its_last_stale_hour(warehouse: Warehouse) -> None:
    track(warehouse)
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 1440))])
    half = Window(START, START + DAY_MS // 2)
    warehouse.aggregates.recompute_hours(SYMBOL, half, LATER)
    assert warehouse.aggregates.recompute_days(SYMBOL, DAY, LATER).recomputed == ()
    warehouse.aggregates.recompute_hours(SYMBOL, DAY, LATER)
    assert warehouse.aggregates.recompute_days(SYMBOL, DAY, LATER).recomputed == (START,)


def test_only_stale_periods_are_recomputed(warehouse: Warehouse) -> None:
    track(warehouse)
    two = Window(START, START + 2 * DAY_MS)
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 2 * 1440))])
    warehouse.aggregates.recompute_hours(SYMBOL, two, LATER)
    warehouse.aggregates.recompute_days(SYMBOL, two, LATER)
    assert warehouse.aggregates.recompute_hours(SYMBOL, two, LATER).recomputed == ()
    changed = START + DAY_MS + 5 * HOUR_MS + 7 * MINUTE_MS
    warehouse.facts.load_objects(SYMBOL, [batch(table([minute(changed, 9_000)]), FETCHED + 1)])
    assert warehouse.aggregates.recompute_hours(SYMBOL, two, LATER).recomputed == (
        START + DAY_MS + 5 * HOUR_MS,
    )
    assert warehouse.aggregates.recompute_days(SYMBOL, two, LATER).recomputed == (START + DAY_MS,)
    assert _read(warehouse, Interval.D1)["high"].to_pylist()[1] == Decimal("9002.5")


def test_an_hour_without_minutes_is_deleted_and_so_is_its_day(warehouse: Warehouse) -> None:
    track(warehouse)
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 1440))])
    warehouse.aggregates.recompute_hours(SYMBOL, DAY, LATER)
    warehouse.aggregates.recompute_days(SYMBOL, DAY, LATER)
    delete_minutes(warehouse, SYMBOL, Window(START, START + HOUR_MS))
    assert warehouse.aggregates.recompute_hours(SYMBOL, DAY, LATER).written == 0
    assert _read(warehouse, Interval.H1)["open_time"].to_pylist()[0] == START + HOUR_MS
    assert warehouse.aggregates.recompute_days(SYMBOL, DAY, LATER).written == 1
    assert _read(warehouse, Interval.D1)["parts"].to_pylist() == [1380]
    delete_minutes(warehouse, SYMBOL, DAY)
    warehouse.aggregates.recompute_hours(SYMBOL, DAY, LATER)
    warehouse.aggregates.recompute_days(SYMBOL, DAY, LATER)
    assert _read(warehouse, Interval.H1).num_rows == _read(warehouse, Interval.D1).num_rows == 0


def test_stale_hours_that_are_far_apart_are_all_recomputed(warehouse: Warehouse) -> None:
    track(warehouse)
    opens = [START + n * DAY_MS + HOUR_MS for n in (0, 1, 3, 90)]
    rows = [minute(at + n * MINUTE_MS, 100 + n) for at in opens for n in range(3)]
    warehouse.facts.load_objects(SYMBOL, [batch(table(rows))])
    window = Window(START, LATER)
    assert warehouse.aggregates.recompute_hours(SYMBOL, window, LATER).recomputed == tuple(opens)
    assert _read(warehouse, Interval.H1)["open_time"].to_pylist() == opens
    assert warehouse.aggregates.recompute_days(SYMBOL, window, LATER).written == 4


def test_a_window_inside_a_day_recomputes_the_whole_day(warehouse: Warehouse) -> None:
    track(warehouse)
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 1440))])
    warehouse.aggregates.recompute_hours(SYMBOL, DAY, LATER)
    inside = Window(START + 5 * HOUR_MS, START + 6 * HOUR_MS)
    assert warehouse.aggregates.recompute_days(SYMBOL, inside, LATER).recomputed == (START,)


def test_hours_of_expired_minutes_are_never_recomputed(warehouse: Warehouse) -> None:
    track(warehouse)
    two = Window(START, START + 2 * DAY_MS)
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 2 * 1440))])
    warehouse.aggregates.recompute_hours(SYMBOL, two, LATER)
    warehouse.aggregates.recompute_days(SYMBOL, two, LATER)
    before = _read(warehouse, Interval.H1), _read(warehouse, Interval.D1)
    changed = table([minute(START, 9_000), minute(START + DAY_MS + DAY_MS // 2, 100)])
    warehouse.facts.load_objects(SYMBOL, [batch(changed, FETCHED + 1)])
    warehouse.facts.expire_minutes(SYMBOL, START + DAY_MS)
    warehouse.aggregates.recompute_hours(SYMBOL, two, LATER)
    warehouse.aggregates.recompute_days(SYMBOL, two, LATER)
    after = _read(warehouse, Interval.H1), _read(warehouse, Interval.D1)
    assert after[0].slice(0, 24).equals(before[0].slice(0, 24))
    assert after[1].slice(0, 1).equals(before[1].slice(0, 1))


def test_reading_respects_the_limit_and_rejects_other_intervals(warehouse: Warehouse) -> None:
    track(warehouse)
    warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 1440))])
    warehouse.aggregates.recompute_hours(SYMBOL, DAY, LATER)
    newest = warehouse.aggregates.read_candles(SYMBOL, Interval.H1, DAY, limit=2, newest=True)
    assert newest["open_time"].to_pylist() == [START + 22 * HOUR_MS, START + 23 * HOUR_MS]
    with pytest.raises(WrongUse, match="1m, 1h and 1d"):
        warehouse.aggregates.read_candles(SYMBOL, Interval.H4, DAY)


def test_checking_for_stale_hours_takes_no_lock(
    mariadb: DatabaseServer, mariadb_warehouse: Warehouse
) -> None:
    """A tick with nothing to compute must not wait for a backfill that locks the symbol."""
    track(mariadb_warehouse)
    database = mariadb_warehouse._database.url.database
    with mariadb.connect(database) as other, other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM symbols FOR UPDATE")
        assert mariadb_warehouse.aggregates.recompute_hours(SYMBOL, DAY, LATER).recomputed == ()
        assert mariadb_warehouse.aggregates.recompute_days(SYMBOL, DAY, LATER).recomputed == ()
        cursor.execute("ROLLBACK")
