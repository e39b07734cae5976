"""A chart never draws more candles than a browser bears, and a zoom gets the finest it may."""

import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from streamlit_app.data.ranges import (
    MAX_DRAWN_CANDLES,
    CandleSlice,
    ChartRange,
    build_newest_slice,
    build_window_slice,
    build_zoomed_slice,
    choose_drawable_interval,
    count_candles_in_width,
    get_range_width_ms,
)

HELD = Window(0, 3000 * DAY_MS)
NOON = 1_741_262_400_000  # 2025-03-06 12:00 UTC


@pytest.mark.parametrize("reach", list(ChartRange))
@pytest.mark.parametrize("interval", list(Interval))
def test_what_is_drawn_is_the_finest_that_is_few_enough(
    interval: Interval, reach: ChartRange
) -> None:
    width = get_range_width_ms(reach, HELD)
    drawn = choose_drawable_interval(interval, width)
    assert drawn.ms >= interval.ms
    assert 1 <= count_candles_in_width(drawn, width) <= MAX_DRAWN_CANDLES
    finer = [one for one in Interval if interval.ms <= one.ms < drawn.ms]
    assert all(count_candles_in_width(one, width) > MAX_DRAWN_CANDLES for one in finer)


def test_three_months_are_drawn_in_hours() -> None:
    assert build_newest_slice(Interval.M1, ChartRange.QUARTER, HELD) == CandleSlice(
        Interval.H1, 90 * 24
    )


@pytest.mark.parametrize("reach", [ChartRange.WEEK, ChartRange.ALL])
def test_few_candles_are_drawn_as_they_were_asked_for_however_far_the_range(
    reach: ChartRange,
) -> None:
    held = Window(NOON + MINUTE_MS, NOON + HOUR_MS - MINUTE_MS)
    assert build_newest_slice(Interval.M1, reach, held) == CandleSlice(
        Interval.M1, MAX_DRAWN_CANDLES
    )
    assert (
        build_newest_slice(Interval.M1, reach, Window(NOON, NOON + 3 * DAY_MS)).interval
        is Interval.M3
    )


def test_the_ranges_grow() -> None:
    widths = [
        get_range_width_ms(reach, HELD)
        for reach in ChartRange
        if reach not in (ChartRange.ALL, ChartRange.DATES)
    ]
    assert sorted(widths) == widths


def test_picked_dates_are_read_whole() -> None:
    window = Window(NOON, NOON + DAY_MS + 1)
    found = build_window_slice(Interval.H4, window)
    assert found == CandleSlice(Interval.H4, 7, Window(NOON, NOON + 28 * HOUR_MS))


@pytest.mark.parametrize("interval", list(Interval))
@pytest.mark.parametrize("minutes", [1, 30, 2_000, 2_300, 50_000, 3_000_000])
def test_a_zoom_reads_what_is_seen_and_no_more_than_is_bearable(
    interval: Interval, minutes: int
) -> None:
    view = Window(NOON, NOON + minutes * MINUTE_MS)
    found = build_zoomed_slice(interval, view)
    assert found.window is not None
    assert found.window.start_ms <= view.start_ms and found.window.end_ms >= view.end_ms
    assert found.limit <= MAX_DRAWN_CANDLES + 2
    assert found.interval == choose_drawable_interval(interval, minutes * MINUTE_MS)


def test_zooming_out_is_coarser_and_zooming_in_returns_to_what_was_chosen() -> None:
    widths = (1, 3, 30, 400, 30, 1)
    drawn = [
        build_zoomed_slice(Interval.M5, Window(NOON, NOON + days * DAY_MS)).interval
        for days in widths
    ]
    assert drawn == ["5m", "5m", "30m", "6h", "30m", "5m"]


def test_a_zoom_wider_than_all_time_is_drawn_in_weeks() -> None:
    assert choose_drawable_interval(Interval.M1, 100 * 365 * DAY_MS) is Interval.W1
