"""Time conversion and the algebra of windows."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    ceil_ms,
    cover_windows,
    day_of,
    day_start_ms,
    floor_ms,
    format_utc,
    from_epoch_ms,
    group_by_month,
    group_consecutive_days,
    group_periods,
    merge_windows,
    minute_end_ms,
    to_epoch_ms,
)

_TIMES = st.integers(0, 4_102_444_800_000)
# Small windows, some of them empty: many of them overlap or are adjacent.
_WINDOWS = st.builds(
    lambda start, length: Window(start, start + length), st.integers(0, 40), st.integers(0, 12)
)


def _list_instants(*windows: Window) -> set[int]:
    return {ms for window in windows for ms in range(window.start_ms, window.end_ms)}


@given(_TIMES)
def test_milliseconds_survive_conversion_to_datetime_and_back(ms: int) -> None:
    assert to_epoch_ms(from_epoch_ms(ms)) == ms


def test_other_time_zones_convert_to_the_same_instant() -> None:
    tokyo = datetime(2025, 1, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    assert to_epoch_ms(tokyo) == to_epoch_ms(datetime(2025, 1, 1, tzinfo=UTC))


def test_a_naive_datetime_is_rejected() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_epoch_ms(datetime(2025, 1, 1))  # noqa: DTZ001 - the naive datetime under test


@given(_TIMES)
def test_an_instant_lies_in_its_own_day_only(ms: int) -> None:
    day = day_of(ms)
    assert ms in Window.of_day(day)
    assert ms not in Window.of_day(day + timedelta(days=1))
    assert floor_ms(ms, DAY_MS) == day_start_ms(day)


def test_iter_days_includes_the_last_day_only_if_the_window_reaches_into_it() -> None:
    start = day_start_ms(date(2025, 2, 28))
    assert list(Window(start, start + DAY_MS).iter_days()) == [date(2025, 2, 28)]
    assert list(Window(start, start + DAY_MS + 1).iter_days()) == [
        date(2025, 2, 28),
        date(2025, 3, 1),
    ]
    assert list(Window(start, start).iter_days()) == []


@given(_WINDOWS, _WINDOWS)
def test_intersection_holds_the_common_instants(one: Window, other: Window) -> None:
    common = one & other
    assert _list_instants(common) == _list_instants(one) & _list_instants(other)
    assert bool(common) == bool(_list_instants(common))


@given(_WINDOWS, st.lists(_WINDOWS))
def test_subtraction_leaves_the_other_instants_in_order(
    window: Window, others: list[Window]
) -> None:
    rest = list(window.subtract(others))
    assert _list_instants(*rest) == _list_instants(window) - _list_instants(*others)
    assert rest == sorted(rest)
    assert all(rest)


@given(st.lists(_WINDOWS))
def test_merged_windows_hold_the_same_instants_and_are_apart(windows: list[Window]) -> None:
    merged = merge_windows(windows)
    assert _list_instants(*merged) == _list_instants(*windows)
    assert all(a.end_ms < b.start_ms for a, b in pairwise(merged))


@given(_WINDOWS, st.integers(-5, 60))
def test_a_window_is_split_at_an_instant(window: Window, ms: int) -> None:
    before, after = window.split_at(ms)
    assert (before.start_ms, after.end_ms) == (window.start_ms, window.end_ms)
    assert before.end_ms == after.start_ms
    assert _list_instants(before) == {at for at in _list_instants(window) if at < ms}


@given(_WINDOWS, st.integers(1, 9))
def test_widening_and_narrowing_end_on_whole_periods(window: Window, width_ms: int) -> None:
    wide, narrow = window.widen_to(width_ms), window.narrow_to(width_ms)
    starts = range(0, 80, width_ms)
    touched = [at for at in starts if window & Window(at, at + width_ms)]
    inside = [
        at for at in touched if _list_instants(Window(at, at + width_ms)) <= _list_instants(window)
    ]
    if window:
        assert wide == Window(touched[0], touched[-1] + width_ms)
    assert list(range(narrow.start_ms, narrow.end_ms, width_ms)) == inside


def test_cover_windows_spans_all_of_them() -> None:
    assert cover_windows([Window(5, 7), Window(1, 2)]) == Window(1, 7)
    assert not cover_windows([])


def test_a_window_is_split_by_day_and_by_month() -> None:
    start = day_start_ms(date(2024, 2, 28)) + HOUR_MS
    window = Window(start, day_start_ms(date(2024, 3, 1)) + 1)
    february = Window(start, day_start_ms(date(2024, 3, 1)))
    march = Window(february.end_ms, february.end_ms + 1)
    assert list(window.split_by_month()) == [february, march]
    assert [part.duration_ms for part in window.split_by_day()] == [23 * HOUR_MS, DAY_MS, 1]
    assert list(Window(start, start).split_by_month()) == []


@given(st.dates(date(1970, 1, 1), date(2199, 12, 31)))
def test_the_window_of_a_month_holds_all_of_its_days(day: date) -> None:
    days = list(Window.of_month(day).iter_days())
    assert day in days
    assert {(each.year, each.month) for each in days} == {(day.year, day.month)}
    assert len(days) == monthrange(day.year, day.month)[1]


def test_consecutive_days_share_a_window() -> None:
    days = [date(2025, 2, 27), date(2025, 2, 28), date(2025, 3, 1), date(2025, 3, 5)]
    march_5 = Window.of_day(days[3])
    assert list(group_consecutive_days(days)) == [Window.of_days(days[0], days[2]), march_5]
    assert list(group_consecutive_days([days[3]])) == [march_5]
    assert list(group_consecutive_days([])) == []
    assert list(group_by_month(days)) == [days[:2], days[2:]]


def test_periods_share_a_window_up_to_the_largest_gap() -> None:
    opens = [0, 10, 30, 60]
    assert list(group_periods(opens, 10)) == [Window(0, 20), Window(30, 40), Window(60, 70)]
    assert list(group_periods(opens, 10, 10)) == [Window(0, 40), Window(60, 70)]
    assert list(group_periods(opens, 10, 20)) == [Window(0, 70)]


@given(_TIMES, st.integers(1, DAY_MS))
def test_rounding_up_gives_the_first_multiple_that_is_not_earlier(ms: int, width_ms: int) -> None:
    assert ceil_ms(ms, width_ms) % width_ms == 0
    assert 0 <= ceil_ms(ms, width_ms) - ms < width_ms


@given(_TIMES)
def test_a_minute_ends_after_each_of_its_instants(ms: int) -> None:
    end = minute_end_ms(ms)
    assert end % MINUTE_MS == 0
    assert ms in Window(end - MINUTE_MS, end)


def test_text_shows_milliseconds_only_if_there_are_any() -> None:
    assert format_utc(1_679_616_000_000) == "2023-03-24T00:00:00Z"
    assert format_utc(1_679_616_000_007) == "2023-03-24T00:00:00.007Z"
