"""Time in and out, and windows of it."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_assets.market.utc_time import (
    DAY_MS,
    Window,
    day_of,
    day_start_ms,
    floor_ms,
    format_utc,
    from_epoch_ms,
    group_consecutive_days,
    to_epoch_ms,
)

_TIMES = st.integers(0, 4_102_444_800_000)


@given(_TIMES)
def test_milliseconds_survive_the_way_through_datetime(ms: int) -> None:
    assert to_epoch_ms(from_epoch_ms(ms)) == ms


def test_other_zones_are_the_same_instant() -> None:
    tokyo = datetime(2025, 1, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    assert to_epoch_ms(tokyo) == to_epoch_ms(datetime(2025, 1, 1, tzinfo=UTC))


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_epoch_ms(datetime(2025, 1, 1))  # noqa: DTZ001 - what is refused


@given(_TIMES)
def test_an_instant_lies_in_its_own_day_and_in_no_other(ms: int) -> None:
    day = day_of(ms)
    assert ms in Window.of_day(day)
    assert ms not in Window.of_day(day + timedelta(days=1))
    assert floor_ms(ms, DAY_MS) == day_start_ms(day)


def test_days_of_a_window_count_the_last_only_if_it_is_touched() -> None:
    start = day_start_ms(date(2025, 2, 28))
    assert list(Window(start, start + DAY_MS).iter_days()) == [date(2025, 2, 28)]
    assert list(Window(start, start + DAY_MS + 1).iter_days()) == [
        date(2025, 2, 28),
        date(2025, 3, 1),
    ]
    assert list(Window(start, start).iter_days()) == []


def test_windows_that_do_not_meet_have_nothing_in_common() -> None:
    assert not Window(0, 10) & Window(20, 30)
    assert Window(0, 25) & Window(20, 30) == Window(20, 25)


def test_days_without_a_break_are_one_stretch() -> None:
    days = [date(2025, 2, 27), date(2025, 2, 28), date(2025, 3, 1), date(2025, 3, 5)]
    march_5 = Window.of_day(days[3])
    assert list(group_consecutive_days(days)) == [Window.of_days(days[0], days[2]), march_5]
    assert list(group_consecutive_days([days[3]])) == [march_5]
    assert list(group_consecutive_days([])) == []


def test_text_shows_milliseconds_only_where_there_are_some() -> None:
    assert format_utc(1_679_616_000_000) == "2023-03-24T00:00:00Z"
    assert format_utc(1_679_616_000_007) == "2023-03-24T00:00:00.007Z"
