"""Analytics in a real browser: it renders wide and narrow, light and dark, and all of it reacts."""

import csv
import io
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from crypto_assets.market.clock import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets_tests.reports.stock import generated, hole_before, load
from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.streamlit_app.conftest import make_home, serving
from crypto_assets_tests.streamlit_app.test_browser import (
    PATIENCE_MS,
    SCHEMES,
    WIDTHS,
    assert_shown_well,
    candles_in,
    complaints,
)
from crypto_assets_tests.warehouse.books import order_book

DAYS = 4
# The candles and their volume, and nothing else.
ALONE = (
    "sma=false&ema=false&rsi=false"
    "&order_book=false&volume_profile=false&return_distribution=false&correlation_matrix=false"
)
# Turns the wheel without a rest, as a hand does: `pause` (ms) is below what ends a gesture.
STEADY_WHEEL = """async ({ turns, delta, pause }) => {
    for (let turn = 0; turn < turns; turn++) {
        const ground = document.querySelector('.nsewdrag');
        const { x, y, width, height } = ground.getBoundingClientRect();
        const place = { clientX: x + width / 2, clientY: y + height / 2 };
        const how = { deltaY: delta, bubbles: true, cancelable: true };
        ground.dispatchEvent(new WheelEvent('wheel', { ...place, ...how }));
        await new Promise(resolve => setTimeout(resolve, pause));
    }
}"""
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """BTCUSDT with an outage and an order book, ETHUSDT, XRPUSDT of three minutes, an empty one."""
    home = tmp_path_factory.mktemp("market")
    warehouse = make_home(home, ("BTCUSDT", "ETHUSDT", "XRPUSDT", "LTCUSDT"))
    until = floor_ms(now_ms(), HOUR_MS) + 2 * MINUTE_MS
    window = Window(until - DAYS * DAY_MS, until)
    load(warehouse, "BTCUSDT", generated("BTCUSDT", window, [hole_before(until, 24, 120)]))
    load(warehouse, "ETHUSDT", generated("ETHUSDT", window))
    load(warehouse, "XRPUSDT", generated("XRPUSDT", Window(until - 3 * MINUTE_MS, until)))
    item, book = order_book(7, until)
    warehouse.order_books.load("BTCUSDT", [(replace(item, symbol="BTCUSDT"), book)])
    warehouse.close()
    log = home / "app.log"
    with serving(home, log) as address:
        yield f"{address}/analytics"
    assert "Traceback" not in log.read_text()


def readouts(page: Page) -> str:
    """What stands in the corners of the candle chart's panes."""
    return " | ".join(page.locator(".live-chart").first.locator(".readout").all_inner_texts())


def shows(page: Page, text: str) -> None:
    """Waits until a pane's corner says so."""
    expect(page.locator(".live-chart").first.locator(".readout", has_text=text)).to_have_count(1)


def menu(page: Page, name: str) -> None:
    """Opens or closes a menu of the page."""
    page.get_by_role("button", name=name, exact=False).first.click()


def wheel(page: Page, turns: int) -> None:
    """Over the candles; outwards, inwards where negative.

    The readouts come last: the chart that shows them follows the wheel.
    """
    page.wait_for_selector(".live-chart .readout")
    page.locator(".nsewdrag").first.hover()
    for _ in range(abs(turns)):
        page.mouse.wheel(0, 900 if turns > 0 else -900)
        page.evaluate("new Promise(requestAnimationFrame)")  # or a busy browser joins two turns


def narrower_than(page: Page, span: list[float]) -> None:
    """Waits until less time is seen than `span` (from, to; epoch ms) has."""
    page.wait_for_function(
        """([from, to]) => {
            const [first, last] = document.querySelector('.js-plotly-plot').view ?? [-Infinity, 0];
            return last - first < to - from;
        }""",
        arg=span,
    )


def stands_in_the_address(page: Page) -> None:
    """Waits until what is seen is what the address says."""
    page.wait_for_function(
        """() => {
            const ends = document.querySelector('.js-plotly-plot').view;
            const written = ends?.map(end => Math.floor(end / 1000)).join('-');
            return written && location.search.includes(`view=${written}`);
        }"""
    )


def press(page: Page, key: str) -> None:
    """A button by its key; one with help stands twice, for wide and for narrow."""
    page.locator(f".st-key-{key} button").locator("visible=true").first.click()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_analytics_renders(open_tab: OpenTab, market: str, width: int, scheme: str) -> None:
    tab = open_tab(f"{market}?range=3d&macd=true", width=width, color_scheme=scheme)
    expect(tab.page.get_by_text("72 candles of 1h")).to_be_visible()
    drawn = candles_in(tab.page)
    assert drawn["candles"] == 72
    assert drawn["lines"] == ["EMA 20", "SMA 20", "RSI 14"]
    shows(tab.page, "MACD 12 26 9")
    for title in ("Order book", "Correlation matrix", "Return distribution", "Volume profile"):
        expect(tab.page.get_by_text(title, exact=True)).to_be_visible()
    expect(tab.page.locator(".live-chart .plot-container")).to_have_count(5)
    expect(tab.page.get_by_text("Best bid 100.00")).to_be_visible()
    assert_shown_well(tab.page, width, scheme)
    assert complaints(tab) == []


def test_charts_parameters_interval_and_comparison_are_switched_and_stand_in_the_address(
    open_tab: OpenTab, market: str
) -> None:
    tab = open_tab(f"{market}?range=3d&rsi_period=21")
    page = tab.page
    shows(page, "RSI 21")
    page.get_by_test_id("stButtonGroup").first.get_by_text("30m", exact=True).click()
    expect(page.get_by_text("144 candles of 30m")).to_be_visible()
    menu(page, "Indicators")
    page.get_by_test_id("stCheckbox").filter(has_text="Average true range").click()
    shows(page, "ATR 14")
    page.get_by_test_id("stCheckbox").filter(has_text="Simple moving average").click()
    page.locator(".st-key-rsi_period input").fill("9")
    page.keyboard.press("Enter")
    shows(page, "RSI 9")
    press(page, "reset_rsi")
    shows(page, "RSI 14")
    for part in ("interval=30m", "range=3d", "sma=false", "atr=true"):
        assert part in page.url
    assert "rsi_period" not in page.url
    address = f"{page.url}&compare=ETHUSDT"
    other = open_tab(address)
    shows(other.page, "ETHUSDT")
    drawn = candles_in(other.page)
    assert drawn["lines"] == ["ETHUSDT", "EMA 20", "ATR 14", "RSI 14"]
    assert -1 < drawn["prices"][0] < 0 < drawn["prices"][1] < 1, "changes, not prices"
    press(page, "reset_price")
    expect(page.locator(".live-chart").first.locator(".readout", has_text="ATR")).to_have_count(0)
    shows(page, "SMA 20")
    assert complaints(tab) == complaints(other) == []


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


def test_no_turn_of_the_wheel_is_lost_to_a_figure_that_arrives_meanwhile(
    open_tab: OpenTab, market: str
) -> None:
    page = open_tab(f"{market}?interval=1m&range=6h&{ALONE}").page
    expect(page.get_by_text("360 candles of 1m")).to_be_visible()
    page.wait_for_selector(".live-chart .readout")
    whole = candles_in(page)["range"]
    page.evaluate(STEADY_WHEEL, {"turns": 20, "delta": 20, "pause": 20})
    page.wait_for_timeout(300)  # long enough that the app is asked for coarser candles
    page.evaluate(STEADY_WHEEL, {"turns": 150, "delta": -2, "pause": 20})
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


def test_a_hole_is_explained_under_the_crosshair_and_a_chart_is_taken_away(
    open_tab: OpenTab, market: str, tmp_path: Path
) -> None:
    tab = open_tab(f"{market}?range=3d&order_book=false")
    page = tab.page
    candles_in(page)
    point_at_the_hole(page)
    shows(page, "not explained yet")
    menu(page, "Download")
    saved = {}
    for kind in ("CSV", "Parquet", "PNG"):
        with page.expect_download(timeout=PATIENCE_MS) as download:
            page.get_by_test_id("stPopoverBody").get_by_role("button", name=kind).first.click()
        name = download.value.suggested_filename
        assert name.startswith("BTCUSDT-1h-20") and name.endswith(f".{kind.lower()}")
        saved[kind] = tmp_path / name
        download.value.save_as(saved[kind])
    rows = list(csv.DictReader(io.StringIO(saved["CSV"].read_text())))
    table = pq.read_table(saved["Parquet"])
    assert len(rows) == table.num_rows == 72
    assert {"time", "open_time", "close", "sma", "ema", "rsi"} <= set(rows[0])
    assert rows[-1]["close"] == str(table["close"][-1].as_py())
    picture = saved["PNG"].read_bytes()
    assert picture.startswith(PNG) and int.from_bytes(picture[16:20]) > 2000, "twice as sharp"
    assert complaints(tab) == []


def point_at_the_hole(page: Page) -> None:
    place = page.evaluate(
        """() => {
            const plot = document.querySelector('.js-plotly-plot');
            const [x, y] = [plot._fullLayout.xaxis, plot._fullLayout.yaxis];
            const hole = plot._fullLayout.shapes.find(shape => shape.type === 'rect');
            const box = plot.getBoundingClientRect();
            const middle = (x.d2p(hole.x0) + x.d2p(hole.x1)) / 2;
            return [box.x + x._offset + middle, box.y + y._offset + 90];
        }"""
    )
    page.mouse.move(place[0], place[1])
    page.mouse.move(place[0] + 1, place[1])


def test_few_candles_and_none_are_said_in_words(open_tab: OpenTab, market: str) -> None:
    tab = open_tab(f"{market}?symbol=XRPUSDT&interval=1m&macd=true&bollinger=true")
    expect(tab.page.get_by_text("3 candles of 1m")).to_be_visible()
    tab.page.goto(f"{market}?symbol=LTCUSDT")
    expect(tab.page.get_by_text("No candles of LTCUSDT yet")).to_be_visible()
    tab.page.goto(f"{market}?range=Dates&dates=2025-01-01&dates=2025-01-05")
    expect(tab.page.get_by_text("No candles of BTCUSDT in this range")).to_be_visible()
    assert complaints(tab) == []


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
                .some(trace => trace.type === 'candlestick' && trace.x.at(-1) >= newest)
            """,
            arg=newest,
            timeout=PATIENCE_MS,
        )
        after = candles_in(page)
        assert after["range"] == pytest.approx(zoomed["range"], abs=1), "ms"
        assert after["prices"] == pytest.approx(zoomed["prices"])
        assert complaints(tab) == []
