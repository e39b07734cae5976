"""Analytics under a hand: zoom picks the interval, and no figure that arrives takes a turn back."""

import math
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets_tests.reports.stock import generated, load
from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.streamlit_app.conftest import make_home, serving
from crypto_assets_tests.streamlit_app.gestures import steady_wheel, wheel
from crypto_assets_tests.streamlit_app.seen import (
    PATIENCE_MS,
    candles_in,
    complaints,
    narrower_than,
    stands_in_the_address,
)

# The candles and their volume, and nothing else.
ALONE = (
    "sma=false&ema=false&rsi=false"
    "&order_book=false&volume_profile=false&return_distribution=false&correlation_matrix=false"
)


def test_zooming_out_is_coarser_zooming_in_finer_and_it_survives_a_reload(
    open_tab: OpenTab, market: str
) -> None:
    tab = open_tab(f"{market}?interval=1m&range=6h&{ALONE}")
    page = tab.page
    expect(page.get_by_text("360 candles of 1m")).to_be_visible()
    whole = candles_in(page)["range"]
    wheel(page, 22)  # a turn of the wheel is a tenth
    expect(page.get_by_text("so they are of 3m")).to_be_visible()
    assert candles_in(page)["candles"] <= 2_200
    wheel(page, -28)
    narrower_than(page, whole)
    expect(page.get_by_text("candles of 1m,")).to_be_visible()
    stands_in_the_address(page)
    zoomed = candles_in(page)["range"]
    page.reload()
    shown = candles_in(page)["range"]
    assert shown == pytest.approx(zoomed, abs=1000)
    page.get_by_test_id("stButtonGroup").nth(1).get_by_text("1d", exact=True).click()
    page.wait_for_url(lambda url: "range=1d" in url and "view=" not in url)
    expect(page.get_by_text(re.compile(r"1,\d{3} candles of 1m"))).to_be_visible()
    assert complaints(tab) == []


@pytest.mark.parametrize("timezone_id", ["America/Los_Angeles", "Asia/Kolkata"])
def test_the_chart_shows_utc_in_every_time_zone(
    open_tab: OpenTab, market: str, timezone_id: str
) -> None:
    tab = open_tab(f"{market}?interval=1h&range=1d&{ALONE}", timezone_id=timezone_id)
    page = tab.page
    expect(page.get_by_text("24 candles of 1h")).to_be_visible()
    page.wait_for_selector(".live-chart .readout")
    chart = candles_in(page)
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
    wheel(page, -4)
    narrower_than(page, chart["range"])
    stands_in_the_address(page)
    zoomed = candles_in(page)["range"]
    view = re.search(r"view=(\d+)-(\d+)", page.url)
    assert view is not None
    assert [int(seconds) * 1000 for seconds in view.groups()] == pytest.approx(zoomed, abs=1000)
    assert complaints(tab) == []


def test_no_turn_of_the_wheel_is_lost_to_a_figure_that_arrives_meanwhile(
    open_tab: OpenTab, market: str
) -> None:
    page = open_tab(f"{market}?interval=1m&range=6h&{ALONE}").page
    expect(page.get_by_text("360 candles of 1m")).to_be_visible()
    page.wait_for_selector(".live-chart .readout")
    whole = candles_in(page)["range"]
    steady_wheel(page, 20, 20)
    page.wait_for_timeout(300)  # long enough that the app is asked for coarser candles
    steady_wheel(page, 150, -2)
    stands_in_the_address(page)
    zoomed = candles_in(page)["range"]
    assert zoomed[1] - zoomed[0] == pytest.approx(
        (whole[1] - whole[0]) * math.exp(20 * 20 / 200 - 150 * 2 / 200), rel=0.001
    )


def test_a_gesture_that_comes_to_nothing_holds_up_no_figure(open_tab: OpenTab, market: str) -> None:
    page = open_tab(f"{market}?interval=1m&range=6h&{ALONE}").page
    expect(page.get_by_text("360 candles of 1m")).to_be_visible()
    page.wait_for_selector(".live-chart .readout")
    page.evaluate("document.querySelector('.js-plotly-plot').emit('plotly_relayouting', {})")
    page.get_by_test_id("stButtonGroup").nth(1).get_by_text("1d", exact=True).click()
    page.wait_for_function(
        """() => document.querySelector('.js-plotly-plot')._fullData
            .some(trace => trace.type === 'candlestick' && trace._length > 1000)"""
    )


def test_a_new_candle_arrives_by_itself_and_zoom_stays(open_tab: OpenTab, tmp_path: Path) -> None:
    until = floor_ms(now_ms(), MINUTE_MS) - 5 * MINUTE_MS
    home = tmp_path / "home"
    warehouse = make_home(home, ("BTCUSDT",))
    load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(until - DAY_MS, until)))
    with serving(home, tmp_path / "app.log") as address:
        tab = open_tab(f"{address}/analytics?interval=1m&range=6h&{ALONE}")
        page = tab.page
        expect(page.get_by_text("360 candles of 1m")).to_be_visible()
        before = candles_in(page)
        wheel(page, -4)
        narrower_than(page, before["range"])
        stands_in_the_address(page)
        zoomed = candles_in(page)
        load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(until, until + 3 * MINUTE_MS)))
        newest = until + 2 * MINUTE_MS
        page.wait_for_function(
            """newest => document.querySelector('.js-plotly-plot')._fullData
                .some(trace => trace.type === 'candlestick' && Date.parse(trace.x.at(-1) + 'Z') >= newest)
            """,
            arg=newest,
            timeout=PATIENCE_MS,
        )
        after = candles_in(page)
        assert after["range"] == pytest.approx(zoomed["range"], abs=1), "ms"
        assert after["prices"] == pytest.approx(zoomed["prices"])
        assert complaints(tab) == []
