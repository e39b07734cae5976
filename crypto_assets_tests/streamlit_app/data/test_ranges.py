"""The candles of a range or a zoom: always of the chosen interval, within the limit."""

import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from streamlit_app.data.ranges import (
    MAX_DRAWN_CANDLES,
    CandleSlice,
    ChartRange,
    build_export_slice,
    build_newest_slice,
    build_statistics_slice,
    build_window_slice,
    build_zoomed_slice,
    choose_drawable_interval,
    get_range_width_ms,
)

STORED = Window(0, 3000 * DAY_MS)
NOON = 1_741_262_400_000  # 2025-03-06 12:00 UTC


@pytest.mark.parametrize("chart_range", list(ChartRange))
@pytest.mark.parametrize("interval", list(Interval))
def test_a_range_keeps_the_chosen_interval(interval: Interval, chart_range: ChartRange) -> None:
    width = get_range_width_ms(chart_range, STORED)
    candle_slice = build_newest_slice(interval, chart_range, STORED)
    assert candle_slice.interval is interval
    assert candle_slice.limit == MAX_DRAWN_CANDLES or (candle_slice.limit + 1) * interval.ms > width
    assert 6 <= candle_slice.limit <= MAX_DRAWN_CANDLES


def test_a_range_of_one_candle_shows_enough_around_it() -> None:
    assert build_newest_slice(Interval.W1, ChartRange.HOURS_6, STORED).limit == 24
    monday = Window(NOON, NOON + DAY_MS)
    candle_slice = build_window_slice(Interval.W1, monday)
    assert candle_slice.window is not None and candle_slice.limit >= 24
    assert (
        candle_slice.window.start_ms < monday.start_ms < monday.end_ms < candle_slice.window.end_ms
    )


def test_a_file_has_the_whole_range_or_its_newest_candles() -> None:
    for chart_range, limit, count in (
        (ChartRange.MONTH, 100_000, 30 * 24 * 60),
        (ChartRange.YEAR, 100_000, 100_000),
        (ChartRange.ALL, 10, 10),
    ):
        candle_slice = build_export_slice(Interval.M1, chart_range, None, STORED, limit)
        assert candle_slice.limit == count and candle_slice.window is not None
        assert candle_slice.window.end_ms == STORED.end_ms
    days = Window(NOON, NOON + DAY_MS)
    chosen = build_export_slice(Interval.H1, ChartRange.DATES, days, STORED, 100)
    assert chosen == CandleSlice(Interval.H1, 24, days)


@pytest.mark.parametrize("chart_range", list(ChartRange))
@pytest.mark.parametrize("interval", list(Interval))
def test_statistics_cover_the_whole_range(interval: Interval, chart_range: ChartRange) -> None:
    width = get_range_width_ms(chart_range, STORED)
    candle_slice = build_statistics_slice(interval, chart_range, None, STORED)
    assert candle_slice.interval.ms >= interval.ms
    assert candle_slice.limit <= MAX_DRAWN_CANDLES
    assert (candle_slice.limit + 1) * candle_slice.interval.ms > width
    finer = [one for one in Interval if interval.ms <= one.ms < candle_slice.interval.ms]
    assert all(width // one.ms > MAX_DRAWN_CANDLES for one in finer)


def test_statistics_of_few_stored_candles_keep_the_interval() -> None:
    stored = Window(NOON + MINUTE_MS, NOON + HOUR_MS - MINUTE_MS)
    for chart_range in (ChartRange.WEEK, ChartRange.ALL):
        assert build_statistics_slice(Interval.M1, chart_range, None, stored).interval == "1m"
    days = Window(NOON, NOON + 3 * DAY_MS)
    assert build_statistics_slice(Interval.M1, ChartRange.DATES, days, stored).interval == "3m"


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


def test_a_window_of_many_candles_shows_the_newest() -> None:
    window = Window(NOON, NOON + 30 * DAY_MS)
    candle_slice = build_window_slice(Interval.M1, window)
    end = window.end_ms
    assert candle_slice == CandleSlice(
        Interval.M1, MAX_DRAWN_CANDLES, Window(end - MAX_DRAWN_CANDLES * MINUTE_MS, end)
    )


@pytest.mark.parametrize("interval", list(Interval))
@pytest.mark.parametrize("minutes", [1, 30, 2_000, 2_300, 50_000, 3_000_000])
def test_a_zoom_reads_the_view_within_the_limit(interval: Interval, minutes: int) -> None:
    view = Window(NOON, NOON + minutes * MINUTE_MS)
    candle_slice = build_zoomed_slice(interval, view, Window(0, view.end_ms))
    assert candle_slice.window is not None and candle_slice.interval is interval
    assert candle_slice.window.end_ms >= view.end_ms
    assert candle_slice.limit <= MAX_DRAWN_CANDLES
    if minutes * MINUTE_MS <= (MAX_DRAWN_CANDLES - 2) * interval.ms:
        assert candle_slice.window.start_ms <= view.start_ms


def test_a_view_beyond_the_newest_candle_has_the_candles_before_it() -> None:
    stored = Window(NOON - 9 * DAY_MS, NOON)
    view = Window(NOON - 3 * DAY_MS, NOON + 3 * DAY_MS)
    candle_slice = build_zoomed_slice(Interval.M1, view, stored)
    assert candle_slice.window == Window(NOON - MAX_DRAWN_CANDLES * MINUTE_MS, NOON)


def test_the_widest_range_has_statistics_of_weeks() -> None:
    assert choose_drawable_interval(Interval.M1, 100 * 365 * DAY_MS) is Interval.W1
