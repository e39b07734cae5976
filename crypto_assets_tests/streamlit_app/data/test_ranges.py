"""The candles of a range or a zoom: the finest interval within the limit."""

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
    candle_slice = build_window_slice(Interval.H4, window)
    assert candle_slice == CandleSlice(Interval.H4, 7, Window(NOON, NOON + 28 * HOUR_MS))


@pytest.mark.parametrize("interval", list(Interval))
@pytest.mark.parametrize("minutes", [1, 30, 2_000, 2_300, 50_000, 3_000_000])
def test_a_zoom_reads_the_view_within_the_limit(interval: Interval, minutes: int) -> None:
    view = Window(NOON, NOON + minutes * MINUTE_MS)
    candle_slice = build_zoomed_slice(interval, view)
    assert candle_slice.window is not None
    assert (
        candle_slice.window.start_ms <= view.start_ms and candle_slice.window.end_ms >= view.end_ms
    )
    assert candle_slice.limit <= MAX_DRAWN_CANDLES + 2
    assert candle_slice.interval == choose_drawable_interval(interval, minutes * MINUTE_MS)


def test_zooming_in_again_returns_to_the_chosen_interval() -> None:
    widths = (1, 3, 30, 400, 30, 1)
    drawn = [
        build_zoomed_slice(Interval.M5, Window(NOON, NOON + days * DAY_MS)).interval
        for days in widths
    ]
    assert drawn == ["5m", "5m", "30m", "6h", "30m", "5m"]


def test_the_widest_zoom_is_drawn_in_weeks() -> None:
    assert choose_drawable_interval(Interval.M1, 100 * 365 * DAY_MS) is Interval.W1
