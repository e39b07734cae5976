"""The roll-up rule, in the cases in which a simpler rule would be wrong."""

import random
from datetime import date
from decimal import Decimal

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from crypto_assets.market.candles import candles_from_table, table_from_rows
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import roll_up
from crypto_assets.market.utc_time import MINUTE_MS, MINUTES_PER_DAY, day_start_ms

_START = day_start_ms(date(2023, 4, 3))  # a Monday


def _minutes(*rows: tuple[int, str, str, str, str, str]) -> pa.Table:
    """Build candles from (minute of the day, open, high, low, close, volume)."""
    return table_from_rows(
        [
            [
                *(_START + minute * MINUTE_MS, o, h, low, c, volume),
                *(_START + (minute + 1) * MINUTE_MS - 1, volume, 1, "0", "0", "0"),
            ]
            for minute, o, h, low, c, volume in rows
        ]
    )


def test_a_minute_without_volume_gives_no_open_high_or_low() -> None:
    table = _minutes(
        (0, "9", "9", "9", "9", "0"), (1, "5", "6", "4", "5", "2"), (2, "1", "1", "1", "1", "0")
    )
    hour = candles_from_table(roll_up(table, Interval.H1).drop(["parts"]))[0]
    assert (hour.open, hour.high, hour.low) == (5, 6, 4)
    assert hour.close == 1, "the close is the last minute's, with or without volume"
    assert hour.volume == 2


def test_a_period_without_volume_is_built_from_all_parts() -> None:
    table = _minutes((0, "9", "9", "9", "9", "0"), (1, "8", "8", "8", "8", "0"))
    hour = candles_from_table(roll_up(table, Interval.H1).drop(["parts"]))[0]
    assert (hour.open, hour.high, hour.low, hour.close) == (9, 9, 8, 8)


def test_periods_without_a_part_have_no_candle() -> None:
    table = _minutes((10, "5", "5", "5", "5", "1"), (130, "6", "6", "6", "6", "1"))
    hours = roll_up(table, Interval.H1)
    assert hours["open_time"].to_pylist() == [_START, _START + 2 * Interval.H1.ms]
    assert hours["parts"].to_pylist() == [1, 1]


def test_an_open_time_off_the_grid_belongs_to_the_period_that_contains_it() -> None:
    rows = [
        [_START + 59 * MINUTE_MS + 7_123, *["3"] * 5, _START + 3_599_999, "1", 1, "0", "0", "0"]
    ]
    hours = roll_up(table_from_rows(rows), Interval.H1)
    assert hours["open_time"].to_pylist() == [_START]
    assert hours["close_time"].to_pylist() == [_START + Interval.H1.ms - 1]


_MINUTE = st.tuples(
    st.integers(0, 3 * MINUTES_PER_DAY - 1),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(["0", "2"]),
)


@given(st.lists(_MINUTE, min_size=1, max_size=60, unique_by=lambda minute: minute[0]))
def test_days_from_hours_equal_days_from_minutes_in_any_order(
    drawn: list[tuple[int, int, int, str]],
) -> None:
    rows = [
        (at, str(a), str(max(a, b)), str(min(a, b)), str(b), volume) for at, a, b, volume in drawn
    ]
    shuffled = random.Random(7).sample(rows, len(rows))
    direct = roll_up(_minutes(*shuffled), Interval.D1)
    by_hours = roll_up(roll_up(_minutes(*rows), Interval.H1), Interval.D1)
    assert direct.drop(["parts"]).equals(by_hours.drop(["parts"]))
    assert sum(direct["volume"].to_pylist(), Decimal(0)) == sum(int(row[5]) for row in rows)


def test_a_week_starts_on_monday() -> None:
    week = roll_up(
        _minutes((0, "1", "1", "1", "1", "1"), (4000, "2", "2", "2", "2", "1")), Interval.W1
    )
    assert week["open_time"].to_pylist() == [_START]
