"""The pages in a real browser: they render wide and narrow, light and dark, and they react."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from crypto_assets.market.clock import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets_tests.reports.stock import generated, load
from crypto_assets_tests.services.chromium import OpenTab, Tab
from crypto_assets_tests.streamlit_app.conftest import make_home, serving

# These tests are about what happens, and not how soon on a busy machine.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)

WIDTHS = (1440, 390)
SCHEMES = ("light", "dark")
GROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(14, 20, 29)"}


def complaints(tab: Tab) -> list[str]:
    """What went wrong, except that below a deep link Streamlit looks for its own root first."""
    return [error for error in tab.errors if "/_stcore/" not in error]


def candles_in(page: Page) -> dict[str, Any]:
    """What the browser drew: counts of candles, names of lines, and what ranges are seen."""
    page.wait_for_selector(".js-plotly-plot .trace.boxes", state="attached")
    return page.evaluate(
        """() => {
            const plot = document.querySelector('.js-plotly-plot');
            const kinds = kind => plot._fullData.filter(trace => trace.type === kind);
            return {
                candles: kinds('candlestick').reduce((sum, trace) => sum + trace._length, 0),
                lines: kinds('scatter').filter(trace => trace.showlegend).map(trace => trace.name),
                range: plot._fullLayout.xaxis.range.map(end => Date.parse(end + 'Z')),
                prices: plot._fullLayout.yaxis.range,
            };
        }"""
    )


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_dashboard_renders(
    open_tab: OpenTab, app_address: str, width: int, scheme: str
) -> None:
    tab = open_tab(app_address, width=width, color_scheme=scheme)
    expect(tab.page.get_by_text("BTC / USDT")).to_be_visible()
    expect(tab.page.get_by_text("SHIB / USDT")).to_be_visible()
    expect(tab.page.locator("[data-testid=stMetricChart] path").first).to_be_visible()
    expect(tab.page.get_by_text("Nothing needs attention")).to_be_visible()
    assert_shown_well(tab.page, width, scheme)
    assert complaints(tab) == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_analytics_renders(open_tab: OpenTab, app_address: str, width: int, scheme: str) -> None:
    tab = open_tab(f"{app_address}/analytics", width=width, color_scheme=scheme)
    expect(tab.page.get_by_text("168 candles of 1h")).to_be_visible()
    drawn = candles_in(tab.page)
    assert drawn["candles"] == 168
    assert drawn["lines"] == ["EMA 20", "SMA 20"]
    assert_shown_well(tab.page, width, scheme)
    assert complaints(tab) == []


def assert_shown_well(page: Page, width: int, scheme: str) -> None:
    """No error, nothing wider than the window, and the ground that the viewer's system asks for."""
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    expect(page.locator("[data-testid=stAlert]")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    assert page.evaluate(ground) == GROUNDS[scheme]


def test_a_tile_leads_to_its_chart(open_tab: OpenTab, app_address: str) -> None:
    tab = open_tab(app_address)
    tab.page.get_by_role("link", name="Chart").nth(1).click()
    expect(tab.page.get_by_text("SHIB / USDT")).to_be_visible()
    assert candles_in(tab.page)["candles"] == 168
    assert "symbol=SHIBUSDT" in tab.page.url
    assert complaints(tab) == []


def test_interval_and_indicators_are_switched_and_stand_in_the_address(
    open_tab: OpenTab, app_address: str
) -> None:
    tab = open_tab(f"{app_address}/analytics")
    page = tab.page
    expect(page.get_by_text("168 candles of 1h")).to_be_visible()
    page.get_by_test_id("stButtonGroup").first.get_by_text("4h", exact=True).click()
    expect(page.get_by_text("42 candles of 4h")).to_be_visible()
    page.get_by_role("button", name="Indicators").click()
    page.get_by_test_id("stCheckbox").filter(has_text="Simple moving average").click()
    page.get_by_test_id("stCheckbox").filter(has_text="Bollinger bands").click()
    expect(page.locator(".legendtext", has_text="Bollinger 20 2")).to_be_visible()
    expect(page.locator(".legendtext", has_text="SMA")).to_have_count(0)
    for part in ("interval=4h", "sma=false", "bollinger=true"):
        assert part in page.url
    page.reload()
    expect(page.get_by_text("42 candles of 4h")).to_be_visible()
    assert candles_in(page)["lines"] == ["Bollinger 20 2", "EMA 20"]
    assert complaints(tab) == []


def test_a_new_candle_arrives_by_itself_and_zoom_stays(open_tab: OpenTab, tmp_path: Path) -> None:
    until = floor_ms(now_ms(), MINUTE_MS) - 5 * MINUTE_MS
    home = tmp_path / "home"
    warehouse = make_home(home, ("BTCUSDT",))
    load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(until - DAY_MS, until)))
    with serving(home, tmp_path / "app.log") as address:
        tab = open_tab(f"{address}/analytics?interval=1m&range=6h&sma=false&ema=false")
        page = tab.page
        expect(page.get_by_text("360 candles of 1m")).to_be_visible()
        before = candles_in(page)
        page.locator(".nsewdrag").first.hover()
        page.mouse.wheel(0, -400)
        page.wait_for_function(
            "height => document.querySelector('.js-plotly-plot')._fullLayout.yaxis.range[1] "
            "- document.querySelector('.js-plotly-plot')._fullLayout.yaxis.range[0] < height",
            arg=before["prices"][1] - before["prices"][0],
        )
        zoomed = candles_in(page)
        assert zoomed["range"][1] - zoomed["range"][0] < before["range"][1] - before["range"][0]
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
        assert (after["range"], after["prices"]) == (zoomed["range"], zoomed["prices"])
        assert complaints(tab) == []


def test_a_page_recovers_by_itself_when_the_warehouse_comes(
    open_tab: OpenTab, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with serving(home, tmp_path / "app.log") as address:
        boards = [open_tab(f"{address}/{page}") for page in ("", "analytics")]
        for tab in boards:
            expect(tab.page.get_by_text("not set up yet")).to_be_visible()
        warehouse = make_home(home, ("BTCUSDT",))
        until = floor_ms(now_ms(), MINUTE_MS)
        load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(until - 30 * HOUR_MS, until)))
        for tab in boards:
            expect(tab.page.get_by_text("BTC / USDT")).to_be_visible()
            expect(tab.page.get_by_text("not set up yet")).to_have_count(0)
            assert complaints(tab) == []
