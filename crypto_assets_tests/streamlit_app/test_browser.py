"""The pages in a real browser: they render wide and narrow, light and dark, and they react."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from crypto_assets.market.clock import HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
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


def assert_shown_well(page: Page, width: int, scheme: str) -> None:
    """No error, nothing wider than the window, and the ground that the viewer's system asks for."""
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    expect(page.locator("[data-testid=stAlertContentError]")).to_have_count(0)
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
