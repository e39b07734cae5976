"""Typed text survives changes above the input, in a real browser."""

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.market.utc_time import now_ms
from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.services.scripted import Answer, scripted
from crypto_assets_tests.streamlit_app.conftest import make_home, serving
from crypto_assets_tests.streamlit_app.gestures import click_button, unlock_address
from crypto_assets_tests.streamlit_app.page_checks import list_errors


def type_text(field: Locator, text: str) -> None:
    """Type without Enter, and mark the input to recognize a new one in its place."""
    field.press_sequentially(text)
    field.evaluate("field => { field.isMarked = true; }")


def assert_untouched(page: Page, field: Locator, text: str) -> None:
    expect(field).to_have_value(text)
    assert field.evaluate("field => field.isMarked === true && field === document.activeElement")


def test_a_parameter_survives_when_an_indicator_above_is_removed(
    open_tab: OpenTab, market: str
) -> None:
    tab = open_tab(f"{market}?range=3d&rsi_period=21")
    page = tab.page
    page.get_by_role("button", name="Indicators").first.click()
    field = page.locator(".st-key-rsi_period input")
    field.select_text()
    type_text(field, "9")
    # The focus stays.
    page.evaluate("document.querySelector('.st-key-remove_ema button').click()")
    expect(page.locator(".st-key-ema_period")).to_have_count(0)
    assert_untouched(page, field, "9")
    page.keyboard.press("Enter")
    page.wait_for_url("**rsi_period=9**")
    assert list_errors(tab) == []


def test_a_symbol_survives_when_the_exchange_recovers(open_tab: OpenTab, tmp_path: Path) -> None:
    market = SimulatedExchange(GeneratedCandles(1, False), SimulatedClock(now_ms(), 1))
    with start_exchange_server(market) as url:
        pass  # The port is free again.
    make_home(tmp_path / "home", ("BTCUSDT",)).close()
    log = tmp_path / "app.log"
    with serving(tmp_path / "home", log, EXCHANGE_URL=url, ARCHIVE_URL=url) as address:
        tab = open_tab(unlock_address(address, "settings"))
        page = tab.page
        warning = page.get_by_text("Cannot load the exchange's symbols")
        expect(warning).to_be_visible()
        field = page.get_by_role("combobox", name="Add a symbol")
        type_text(field, "ADA")
        with start_exchange_server(market, int(url.rpartition(":")[2])):
            expect(warning).to_be_hidden()
            assert_untouched(page, field, "ADA")
        assert list_errors(tab) == []
    assert "Traceback" not in log.read_text()


def test_a_url_survives_when_the_test_result_disappears(open_tab: OpenTab, tmp_path: Path) -> None:
    make_home(tmp_path / "home", ("BTCUSDT",)).close()
    log = tmp_path / "app.log"
    with (
        scripted(lambda _: Answer(body=b"ok")) as receiver,
        serving(tmp_path / "home", log, ALERT_WEBHOOK_URL=f"{receiver.url}/hooks/one") as address,
    ):
        tab = open_tab(unlock_address(address, "settings?part=Alerts"))
        page = tab.page
        click_button(page, "test_webhook")
        result = page.get_by_text("Test sent to")
        expect(result).to_be_visible()
        field = page.get_by_role("textbox", name="New webhook URL")
        type_text(field, "https://hooks")
        expect(result).to_have_count(0)
        assert_untouched(page, field, "https://hooks")
        assert list_errors(tab) == []
    assert "Traceback" not in log.read_text()
