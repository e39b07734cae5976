"""The dashboard in a real browser: rendering, links, and recovery."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets_tests.reports.stock import generated, load
from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.streamlit_app.conftest import make_home, serving
from crypto_assets_tests.streamlit_app.page_checks import (
    SCHEMES,
    WIDTHS,
    Scheme,
    assert_page_ok,
    list_errors,
    read_chart,
)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_dashboard_renders(
    open_tab: OpenTab, app_address: str, width: int, scheme: Scheme
) -> None:
    tab = open_tab(app_address, width=width, color_scheme=scheme)
    expect(tab.page.get_by_text("BTC / USDT")).to_be_visible()
    expect(tab.page.get_by_text("SHIB / USDT")).to_be_visible()
    expect(tab.page.locator(".sparkline").first).to_be_visible()
    expect(tab.page.get_by_text("Nothing needs attention")).to_be_visible()
    assert_page_ok(tab.page, width, scheme)
    assert list_errors(tab) == []


def test_a_tile_links_to_its_chart(open_tab: OpenTab, app_address: str) -> None:
    tab = open_tab(app_address)
    tab.page.get_by_role("link", name="Chart").nth(1).click()
    expect(tab.page.locator(".candle-chart .readout", has_text="SHIB / USDT")).to_be_visible()
    assert read_chart(tab.page)["candles"] == 168
    assert "symbol=SHIBUSDT" in tab.page.url
    assert list_errors(tab) == []


def test_pages_recover_when_the_warehouse_is_created(open_tab: OpenTab, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with serving(home, tmp_path / "app.log") as address:
        tabs = [open_tab(f"{address}/{page}") for page in ("", "analytics")]
        for tab in tabs:
            expect(tab.page.get_by_text("not set up yet")).to_be_visible()
        warehouse = make_home(home, ("BTCUSDT",))
        until = floor_ms(now_ms(), MINUTE_MS)
        load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(until - 30 * HOUR_MS, until)))
        for tab in tabs:
            expect(tab.page.get_by_text("BTC / USDT").first).to_be_visible()
            expect(tab.page.get_by_text("not set up yet")).to_have_count(0)
            assert list_errors(tab) == []
