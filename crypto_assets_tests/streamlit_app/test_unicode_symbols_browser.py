"""Symbols in other scripts and of 50 characters in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets_tests.reports.stock import generated, load
from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.streamlit_app.conftest import make_home, serving
from crypto_assets_tests.streamlit_app.page_checks import (
    TIMEOUT_MS,
    WIDTHS,
    assert_page_ok,
    list_errors,
    read_chart,
)
from crypto_assets_tests.warehouse.minutes import track

WIDE, LONG = "币安人生USDT", "龍" * 45 + "\U00020bb7USDT"
UNBROKEN = "X" * 46 + "USDT"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the app with three symbols of four days."""
    folder = tmp_path_factory.mktemp("other_scripts")
    warehouse = make_home(folder / "home", ())
    track(warehouse, UNBROKEN, WIDE, LONG)
    until = floor_ms(now_ms(), HOUR_MS) + 2 * MINUTE_MS
    candles = generated("BTCUSDT", Window(until - 4 * DAY_MS, until))
    for symbol in (WIDE, LONG, UNBROKEN):
        load(warehouse, symbol, candles)
    warehouse.close()
    log = folder / "app.log"
    with serving(folder / "home", log) as served:
        yield served
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_dashboard_links_to_their_charts(open_tab: OpenTab, address: str, width: int) -> None:
    tab = open_tab(address, width=width)
    for symbol in (WIDE, LONG, UNBROKEN):
        expect(tab.page.get_by_text(f"{symbol.removesuffix('USDT')} / USDT")).to_be_visible()
    assert_page_ok(tab.page, width, "light")
    tab.page.get_by_role("link", name="Chart").nth(1).click()
    read_chart(tab.page)
    assert f"symbol={quote(WIDE)}" in tab.page.url
    assert list_errors(tab) == []


@pytest.mark.parametrize("symbol", [WIDE, LONG, UNBROKEN])
@pytest.mark.parametrize("width", WIDTHS)
def test_a_chart_is_opened_by_url_and_downloaded(
    open_tab: OpenTab, address: str, symbol: str, width: int, tmp_path: Path
) -> None:
    tab = open_tab(f"{address}/analytics?symbol={quote(symbol)}&range=3d", width=width)
    page = tab.page
    assert read_chart(page)["candles"] == 72
    assert_page_ok(page, width, "light")
    page.get_by_role("button", name="Download").first.click()
    with page.expect_download(timeout=TIMEOUT_MS) as download:
        page.get_by_test_id("stPopoverBody").get_by_role("button", name="CSV").first.click()
    name = download.value.suggested_filename
    assert name.startswith(f"{symbol}-1h-20") and name.endswith(".csv")
    download.value.save_as(tmp_path / name)
    assert len((tmp_path / name).read_text().splitlines()) == 73
    assert list_errors(tab) == []


def test_a_symbol_is_found_by_a_part_of_its_name(open_tab: OpenTab, address: str) -> None:
    tab = open_tab(f"{address}/analytics?symbol={UNBROKEN}&range=3d")
    page = tab.page
    read_chart(page)
    page.locator(".st-key-symbol input").fill("人生")
    page.get_by_role("option", name=WIDE).click()
    page.wait_for_url(f"**symbol={quote(WIDE)}**")
    assert read_chart(page)["candles"] == 72
    assert list_errors(tab) == []


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("quality", "Coverage"),
        ("settings", f"{WIDE}, tracked since"),
    ],
)
def test_other_pages_show_them(open_tab: OpenTab, address: str, page: str, shown: str) -> None:
    tab = open_tab(f"{address}/{page}", width=390)
    expect(tab.page.get_by_text(shown).first).to_be_visible()
    expect(tab.page.locator("[data-testid=stSkeleton]")).to_have_count(0)
    assert_page_ok(tab.page, 390, "light")
    assert list_errors(tab) == []


def test_the_explorer_download_has_the_symbol_in_its_name(open_tab: OpenTab, address: str) -> None:
    tab = open_tab(f"{address}/pipeline?part=Data%20explorer&symbol={quote(LONG)}", width=390)
    with tab.page.expect_download(timeout=TIMEOUT_MS) as download:
        tab.page.get_by_role("button", name="CSV", exact=True).click()
    assert download.value.suggested_filename.startswith(f"{LONG}_")
    assert_page_ok(tab.page, 390, "light")
    assert list_errors(tab) == []
