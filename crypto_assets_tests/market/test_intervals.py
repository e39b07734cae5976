"""The grid of open times of each interval."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import from_epoch_ms, to_epoch_ms

_SAMPLE = datetime(2023, 3, 24, 13, 47, 12, tzinfo=UTC)  # a Friday


@pytest.mark.parametrize(
    ("interval", "opens"),
    [
        (Interval.M1, "2023-03-24T13:47:00"),
        (Interval.M30, "2023-03-24T13:30:00"),
        (Interval.H1, "2023-03-24T13:00:00"),
        (Interval.H6, "2023-03-24T12:00:00"),
        (Interval.D1, "2023-03-24T00:00:00"),
        (Interval.W1, "2023-03-20T00:00:00"),
    ],
)
def test_floor_gives_the_open_time_of_the_period(interval: Interval, opens: str) -> None:
    expected = datetime.fromisoformat(opens).replace(tzinfo=UTC)
    assert from_epoch_ms(interval.floor(to_epoch_ms(_SAMPLE))) == expected


@given(st.sampled_from(list(Interval)), st.integers(0, 4_102_444_800_000))
def test_an_instant_lies_in_its_period(interval: Interval, ms: int) -> None:
    start = interval.floor(ms)
    assert start <= ms < start + interval.ms
    assert interval.floor(start) == interval.ceil(start) == start
    assert interval.ceil(start + 1) == interval.ceil(start + interval.ms) == start + interval.ms


def test_weeks_start_on_a_monday() -> None:
    assert from_epoch_ms(Interval.W1.floor(to_epoch_ms(_SAMPLE))).weekday() == 0
