"""The candles of a range or a view: always of the chosen interval, within the limits."""

import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from streamlit_app.data.ranges import (
    MAX_READ_CANDLES,
    MAX_STATISTICS_CANDLES,
    MAX_VIEW_CANDLES,
    CandleSlice,
    ChartRange,
    build_export_slice,
    build_requested_slice,
    build_statistics_slice,
    build_view_slice,
    build_window_slice,
    choose_statistics_interval,
    get_range_width_ms,
    get_range_window,
)

STORED = Window(0, 3000 * DAY_MS)
NOON = 1_741_262_400_000  # 2025-03-06 12:00 UTC


@pytest.mark.parametrize("chart_range", list(ChartRange))
def test_a_range_is_the_first_view_at_the_chosen_interval(chart_range: ChartRange) -> None:
    width = get_range_width_ms(chart_range, STORED)
    for interval in Interval:
        home = get_range_window(interval, chart_range, STORED)
        count = (home.end_ms - home.start_ms) // interval.ms
        assert 6 <= count <= MAX_VIEW_CANDLES, interval
        assert count == MAX_VIEW_CANDLES or (count + 1) * interval.ms > width, interval
        assert home.end_ms == interval.ceil(STORED.end_ms), interval


def test_a_range_of_one_candle_shows_enough_around_it() -> None:
    weeks = get_range_window(Interval.W1, ChartRange.HOURS_6, STORED)
    assert weeks.end_ms - weeks.start_ms == 24 * Interval.W1.ms
    day = Window(NOON, NOON + DAY_MS)
    for stored, after in ((Window(0, NOON + 900 * DAY_MS), True), (Window(0, day.end_ms), False)):
        shown = get_range_window(Interval.W1, ChartRange.DATES, stored, day)
        assert shown.start_ms < NOON - 11 * Interval.W1.ms
        assert (shown.end_ms > day.end_ms + Interval.W1.ms) is after, "not beyond the newest candle"
    hours = get_range_window(Interval.H1, ChartRange.WEEK, Window(NOON, NOON + 2 * HOUR_MS))
    assert hours == Window(NOON, NOON + 2 * HOUR_MS), "not before the first candle"


def test_dates_are_shown_in_whole_periods() -> None:
    dates = Window(NOON, NOON + DAY_MS)
    assert get_range_window(Interval.H4, ChartRange.DATES, STORED, dates) == dates
    odd = Window(NOON + 1, NOON + DAY_MS + 1)
    whole = Window(NOON, NOON + 28 * HOUR_MS)
    assert get_range_window(Interval.H4, ChartRange.DATES, STORED, odd) == whole


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


def test_a_file_of_the_view_has_its_newest_stored_candles() -> None:
    stored = Window(NOON, NOON + 30 * DAY_MS)
    view = Window(NOON, NOON + DAY_MS + 1)
    whole = build_window_slice(Interval.H4, view, stored, 100)
    assert whole == CandleSlice(Interval.H4, 7, Window(NOON, NOON + 28 * HOUR_MS))
    wide = build_window_slice(Interval.M1, Window(0, NOON + 900 * DAY_MS), stored, 10)
    assert wide.window == Window(stored.end_ms - 10 * MINUTE_MS, stored.end_ms)
    later = build_window_slice(
        Interval.H1, Window(NOON + 90 * DAY_MS, NOON + 91 * DAY_MS), stored, 9
    )
    assert later.window is not None and later.window.start_ms >= stored.end_ms


@pytest.mark.parametrize("chart_range", list(ChartRange))
def test_statistics_cover_the_whole_range(chart_range: ChartRange) -> None:
    width = get_range_width_ms(chart_range, STORED)
    for interval in Interval:
        candle_slice = build_statistics_slice(interval, chart_range, None, STORED)
        assert candle_slice.interval.ms >= interval.ms, interval
        assert candle_slice.limit <= MAX_STATISTICS_CANDLES, interval
        assert (candle_slice.limit + 1) * candle_slice.interval.ms > width, interval
        finer = [one for one in Interval if interval.ms <= one.ms < candle_slice.interval.ms]
        assert all(width // one.ms > MAX_STATISTICS_CANDLES for one in finer), interval


def test_statistics_of_few_stored_candles_keep_the_interval() -> None:
    stored = Window(NOON + MINUTE_MS, NOON + HOUR_MS - MINUTE_MS)
    for chart_range in (ChartRange.WEEK, ChartRange.ALL):
        assert build_statistics_slice(Interval.M1, chart_range, None, stored).interval == "1m"
    days = Window(NOON, NOON + 3 * DAY_MS)
    assert build_statistics_slice(Interval.M1, ChartRange.DATES, days, stored).interval == "3m"


def test_the_widest_range_has_statistics_of_weeks() -> None:
    assert choose_statistics_interval(Interval.M1, 100 * 365 * DAY_MS) is Interval.W1


def test_ranges_are_in_ascending_order() -> None:
    widths = [
        get_range_width_ms(chart_range, STORED)
        for chart_range in ChartRange
        if chart_range not in (ChartRange.ALL, ChartRange.DATES)
    ]
    assert sorted(widths) == widths


@pytest.mark.parametrize("minutes", [1, 30, 2_000, 2_300, 50_000, 3_000_000])
def test_a_view_keeps_the_interval_and_reads_its_newest_candles(minutes: int) -> None:
    view = Window(NOON, NOON + minutes * MINUTE_MS)
    for interval in Interval:
        candle_slice = build_view_slice(interval, view, Window(0, NOON + 4_000_000 * MINUTE_MS))
        window = candle_slice.window
        assert window is not None, interval
        assert candle_slice.interval is interval
        assert candle_slice.limit == (window.end_ms - window.start_ms) // interval.ms, interval
        assert candle_slice.limit <= MAX_READ_CANDLES, interval
        assert window.end_ms >= view.end_ms, interval
        is_whole = window.start_ms <= view.start_ms
        assert is_whole or candle_slice.limit == MAX_READ_CANDLES, interval


def test_a_view_beyond_the_newest_candle_reads_the_candles_before_it() -> None:
    stored = Window(NOON - 9 * DAY_MS, NOON)
    view = Window(NOON - 3 * DAY_MS, NOON + 3 * DAY_MS)
    candle_slice = build_view_slice(Interval.M1, view, stored)
    assert candle_slice.window == Window(NOON - MAX_READ_CANDLES * MINUTE_MS, NOON)


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
