"""The candles of a range or a zoom: the finest interval within the limit."""

import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from streamlit_app.data.ranges import (
    MAX_DRAWN_CANDLES,
    MAX_READ_CANDLES,
    MAX_VIEW_CANDLES,
    CandleSlice,
    ChartRange,
    build_newest_slice,
    build_requested_slice,
    build_statistics_slice,
    build_view_slice,
    choose_drawable_interval,
    count_candles_in_width,
    get_range_width_ms,
    get_range_window,
)

STORED = Window(0, 3000 * DAY_MS)
NOON = 1_741_262_400_000  # 2025-03-06 12:00 UTC


@pytest.mark.parametrize("chart_range", list(ChartRange))
@pytest.mark.parametrize("interval", list(Interval))
def test_the_finest_interval_within_the_limit_is_drawn(
    interval: Interval, chart_range: ChartRange
) -> None:
    width = get_range_width_ms(chart_range, STORED)
    drawn = choose_drawable_interval(interval, width)
    assert drawn.ms >= interval.ms
    assert 1 <= count_candles_in_width(drawn, width) <= MAX_DRAWN_CANDLES
    finer = [one for one in Interval if interval.ms <= one.ms < drawn.ms]
    assert all(count_candles_in_width(one, width) > MAX_DRAWN_CANDLES for one in finer)


def test_three_months_are_drawn_in_hours() -> None:
    assert build_newest_slice(Interval.M1, ChartRange.QUARTER, STORED) == CandleSlice(
        Interval.H1, 90 * 24
    )


@pytest.mark.parametrize("chart_range", [ChartRange.WEEK, ChartRange.ALL])
def test_few_stored_candles_keep_the_interval_in_any_range(
    chart_range: ChartRange,
) -> None:
    stored = Window(NOON + MINUTE_MS, NOON + HOUR_MS - MINUTE_MS)
    assert build_newest_slice(Interval.M1, chart_range, stored) == CandleSlice(
        Interval.M1, MAX_DRAWN_CANDLES
    )
    assert (
        build_newest_slice(Interval.M1, chart_range, Window(NOON, NOON + 3 * DAY_MS)).interval
        is Interval.M3
    )


def test_ranges_are_in_ascending_order() -> None:
    widths = [
        get_range_width_ms(chart_range, STORED)
        for chart_range in ChartRange
        if chart_range not in (ChartRange.ALL, ChartRange.DATES)
    ]
    assert sorted(widths) == widths


def test_a_window_is_extended_to_whole_candles() -> None:
    window = Window(NOON, NOON + DAY_MS + 1)
    candle_slice = build_statistics_slice(Interval.H4, window)
    assert candle_slice == CandleSlice(Interval.H4, 7, Window(NOON, NOON + 28 * HOUR_MS))


@pytest.mark.parametrize("interval", list(Interval))
@pytest.mark.parametrize("minutes", [1, 30, 2_000, 2_300, 50_000, 3_000_000])
def test_a_view_keeps_the_interval_and_reads_its_newest_candles(
    interval: Interval, minutes: int
) -> None:
    view = Window(NOON, NOON + minutes * MINUTE_MS)
    candle_slice = build_view_slice(interval, view, Window(0, NOON + 4_000_000 * MINUTE_MS))
    window = candle_slice.window
    assert window is not None
    assert candle_slice.interval is interval
    assert candle_slice.limit == (window.end_ms - window.start_ms) // interval.ms
    assert candle_slice.limit <= MAX_READ_CANDLES
    assert window.end_ms >= view.end_ms
    is_whole = window.start_ms <= view.start_ms
    assert is_whole or candle_slice.limit == MAX_READ_CANDLES


@pytest.mark.parametrize("shift", [-100 * DAY_MS, 100 * DAY_MS])
def test_a_view_beside_the_stored_candles_reads_the_nearest_ones(shift: int) -> None:
    stored = Window(NOON, NOON + 30 * DAY_MS)
    view = Window(NOON + shift, NOON + shift + DAY_MS)
    window = build_view_slice(Interval.M15, view, stored).window
    assert window is not None and window.end_ms > window.start_ms
    assert stored.start_ms <= window.start_ms and window.end_ms <= stored.end_ms
    nearest = window.start_ms == stored.start_ms if shift < 0 else window.end_ms == stored.end_ms
    assert nearest


def test_the_chart_may_ask_for_stored_candles_only() -> None:
    stored = Window(NOON, NOON + 30 * DAY_MS)
    asked = build_requested_slice(Interval.H1, Window(0, NOON + DAY_MS), stored)
    assert asked == CandleSlice(Interval.H1, 24, Window(NOON, NOON + DAY_MS))
    assert build_requested_slice(Interval.H1, Window(0, NOON - DAY_MS), stored) is None
    wide = build_requested_slice(Interval.M1, Window(NOON, NOON + 30 * DAY_MS), stored)
    assert wide is not None and wide.limit == MAX_READ_CANDLES


@pytest.mark.parametrize("interval", list(Interval))
@pytest.mark.parametrize("chart_range", list(ChartRange))
def test_a_range_is_the_first_view_at_the_chosen_interval(
    interval: Interval, chart_range: ChartRange
) -> None:
    home = get_range_window(interval, chart_range, STORED)
    count = (home.end_ms - home.start_ms) // interval.ms
    assert 20 <= count <= MAX_VIEW_CANDLES, "never one lone candle"
    assert home.end_ms == interval.ceil(STORED.end_ms)


def test_dates_are_shown_in_whole_periods() -> None:
    dates = Window(NOON, NOON + DAY_MS)
    assert get_range_window(Interval.H4, ChartRange.DATES, STORED, dates) == dates
    week = get_range_window(Interval.W1, ChartRange.DATES, STORED, dates)
    assert week == Window(Interval.W1.floor(NOON), Interval.W1.floor(NOON) + 7 * DAY_MS)


def test_the_widest_range_is_summed_up_in_weeks() -> None:
    assert choose_drawable_interval(Interval.M1, 100 * 365 * DAY_MS) is Interval.W1
