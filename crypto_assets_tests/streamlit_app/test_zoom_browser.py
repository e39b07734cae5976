"""The zoom of the candle chart in a real browser: interval, URL, updates, and time zones."""

import math
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets_tests.reports.stock import generated, load
from crypto_assets_tests.services.chromium import OpenTab, wait_for_script
from crypto_assets_tests.streamlit_app.conftest import make_home, serving
from crypto_assets_tests.streamlit_app.gestures import turn_wheel, turn_wheel_steadily
from crypto_assets_tests.streamlit_app.page_checks import (
    list_errors,
    read_chart,
    wait_for_narrower_view,
    wait_for_view_in_url,
)

# Candles and volume only.
CANDLES_ONLY = (
    "sma=false&ema=false&rsi=false"
    "&order_book=false&volume_profile=false&return_distribution=false&correlation_matrix=false"
)


def test_zoom_keeps_the_interval_and_survives_a_reload(open_tab: OpenTab, market: str) -> None:
    tab = open_tab(f"{market}?interval=1m&range=6h&{CANDLES_ONLY}")
    page = tab.page
    expect(page.get_by_text("360 candles of 1m")).to_be_visible()
    whole = read_chart(page)["range"]
    turn_wheel(page, 32)  # One turn changes the width by a tenth.
    expect(page.get_by_text("Showing the newest candles of this range")).to_be_visible()
    expect(page.get_by_text("candles of 1m,")).to_be_visible()
    assert read_chart(page)["candles"] <= 2_200
    turn_wheel(page, -38)
    wait_for_narrower_view(page, whole)
    expect(page.get_by_text("candles of 1m,")).to_be_visible()
    wait_for_view_in_url(page)
    zoomed = read_chart(page)["range"]
    page.reload()
    shown = read_chart(page)["range"]
    assert shown == pytest.approx(zoomed, abs=1000)
    page.get_by_test_id("stButtonGroup").nth(1).get_by_text("1d", exact=True).click()
    page.wait_for_url(lambda url: "range=1d" in url and "view=" not in url)
    expect(page.get_by_text(re.compile(r"1,\d{3} candles of 1m"))).to_be_visible()
    assert list_errors(tab) == []


@pytest.mark.parametrize("timezone_id", ["America/Los_Angeles", "Asia/Kolkata"])
def test_the_chart_shows_utc_in_every_time_zone(
    open_tab: OpenTab, market: str, timezone_id: str
) -> None:
    tab = open_tab(f"{market}?interval=1h&range=1d&{CANDLES_ONLY}", timezone_id=timezone_id)
    page = tab.page
    expect(page.get_by_text("24 candles of 1h")).to_be_visible()
    page.wait_for_selector(".live-chart .readout")
    chart = read_chart(page)
    newest = floor_ms(now_ms(), HOUR_MS)
    assert newest - HOUR_MS <= chart["range"][1] <= newest + HOUR_MS
    low, high = page.evaluate(
        """() => {
            const traces = document.querySelector('.js-plotly-plot')._fullData
                .filter(trace => trace.type === 'candlestick');
            return [Math.min(...traces.flatMap(trace => [...trace.low])),
                    Math.max(...traces.flatMap(trace => [...trace.high]))];
        }"""
    )
    assert chart["prices"][0] < low < high < chart["prices"][1], "fitted to all candles"
    turn_wheel(page, -4)
    wait_for_narrower_view(page, chart["range"])
    wait_for_view_in_url(page)
    zoomed = read_chart(page)["range"]
    view = re.search(r"view=(\d+)-(\d+)", page.url)
    assert view is not None
    assert [int(seconds) * 1000 for seconds in view.groups()] == pytest.approx(zoomed, abs=1000)
    assert list_errors(tab) == []


def test_a_new_figure_does_not_undo_a_zoom_in_progress(open_tab: OpenTab, market: str) -> None:
    page = open_tab(f"{market}?interval=1m&range=6h&{CANDLES_ONLY}").page
    expect(page.get_by_text("360 candles of 1m")).to_be_visible()
    page.wait_for_selector(".live-chart .readout")
    whole = read_chart(page)["range"]
    turn_wheel_steadily(page, 20, 20)
    page.wait_for_timeout(300)  # The app now draws other candles.
    turn_wheel_steadily(page, 150, -2)
    wait_for_view_in_url(page)
    zoomed = read_chart(page)["range"]
    assert zoomed[1] - zoomed[0] == pytest.approx(
        (whole[1] - whole[0]) * math.exp(20 * 20 / 200 - 150 * 2 / 200), rel=0.001
    )


def test_a_gesture_without_an_end_does_not_block_new_figures(
    open_tab: OpenTab, market: str
) -> None:
    page = open_tab(f"{market}?interval=1m&range=6h&{CANDLES_ONLY}").page
    expect(page.get_by_text("360 candles of 1m")).to_be_visible()
    page.wait_for_selector(".live-chart .readout")
    page.evaluate("document.querySelector('.js-plotly-plot').emit('plotly_relayouting', {})")
    page.get_by_test_id("stButtonGroup").nth(1).get_by_text("1d", exact=True).click()
    wait_for_script(
        page,
        """() => document.querySelector('.js-plotly-plot')._fullData
            .some(trace => trace.type === 'candlestick' && trace._length > 1000)""",
    )


def test_new_candles_appear_and_the_zoom_stays(open_tab: OpenTab, tmp_path: Path) -> None:
    until = floor_ms(now_ms(), MINUTE_MS) - 5 * MINUTE_MS
    home = tmp_path / "home"
    warehouse = make_home(home, ("BTCUSDT",))
    load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(until - DAY_MS, until)))
    with serving(home, tmp_path / "app.log") as address:
        tab = open_tab(f"{address}/analytics?interval=1m&range=6h&{CANDLES_ONLY}")
        page = tab.page
        expect(page.get_by_text("360 candles of 1m")).to_be_visible()
        before = read_chart(page)
        turn_wheel(page, -4)
        wait_for_narrower_view(page, before["range"])
        wait_for_view_in_url(page)
        zoomed = read_chart(page)
        load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(until, until + 3 * MINUTE_MS)))
        newest = until + 2 * MINUTE_MS
        wait_for_script(
            page,
            """newest => document.querySelector('.js-plotly-plot')._fullData
                .some(trace => trace.type === 'candlestick'
                    && Date.parse(trace.x.at(-1) + 'Z') >= newest)
            """,
            newest,
        )
        after = read_chart(page)
        assert after["range"] == pytest.approx(zoomed["range"], abs=1), "ms"
        assert after["prices"] == pytest.approx(zoomed["prices"])
        assert list_errors(tab) == []
