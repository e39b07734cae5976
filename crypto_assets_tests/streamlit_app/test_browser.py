"""The pages in a real browser: they render wide and narrow, light and dark, and they react."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets_tests.reports.stock import generated, load
from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.streamlit_app.conftest import make_home, serving
from crypto_assets_tests.streamlit_app.seen import (
    SCHEMES,
    WIDTHS,
    Scheme,
    assert_shown_well,
    candles_in,
    complaints,
)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_dashboard_renders(
    open_tab: OpenTab, app_address: str, width: int, scheme: Scheme
) -> None:
    tab = open_tab(app_address, width=width, color_scheme=scheme)
    expect(tab.page.get_by_text("BTC / USDT")).to_be_visible()
    expect(tab.page.get_by_text("SHIB / USDT")).to_be_visible()
    expect(tab.page.locator("[data-testid=stMetricChart] path").first).to_be_visible()
    expect(tab.page.get_by_text("Nothing needs attention")).to_be_visible()
    assert_shown_well(tab.page, width, scheme)
    assert complaints(tab) == []


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
