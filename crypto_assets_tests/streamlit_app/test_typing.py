"""What someone is typing stays when something appears above it, or goes: in a real browser."""

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
from crypto_assets_tests.streamlit_app.gestures import press
from crypto_assets_tests.streamlit_app.seen import complaints


def typed(field: Locator, text: str) -> None:
    """Without Enter, and so that an input that is made anew can be told from this one."""
    field.press_sequentially(text)
    field.evaluate("field => { field.isWhatWasTypedInto = true; }")


def assert_untouched(page: Page, field: Locator, text: str) -> None:
    expect(field).to_have_value(text)
    assert field.evaluate(
        "field => field.isWhatWasTypedInto === true && field === document.activeElement"
    )


def test_a_parameter_while_an_indicator_above_it_is_switched_off(
    open_tab: OpenTab, market: str
) -> None:
    tab = open_tab(f"{market}?range=3d&rsi_period=21")
    page = tab.page
    page.get_by_role("button", name="Indicators").first.click()
    field = page.locator(".st-key-rsi_period input")
    field.select_text()
    typed(field, "9")
    page.evaluate("document.querySelector('.st-key-sma input').click()")  # and the focus stays
    expect(page.locator(".st-key-sma_period")).to_have_count(0)
    assert_untouched(page, field, "9")
    page.keyboard.press("Enter")
    page.wait_for_url("**rsi_period=9**")
    assert complaints(tab) == []


def test_a_symbol_while_the_exchange_comes_back(open_tab: OpenTab, tmp_path: Path) -> None:
    market = SimulatedExchange(GeneratedCandles(1, False), SimulatedClock(now_ms(), 1))
    with start_exchange_server(market) as url:
        pass  # and its port is free again
    make_home(tmp_path / "home", ("BTCUSDT",)).close()
    log = tmp_path / "app.log"
    with serving(tmp_path / "home", log, EXCHANGE_URL=url, ARCHIVE_URL=url) as address:
        tab = open_tab(f"{address}/settings")
        page = tab.page
        warning = page.get_by_text("The exchange does not tell what it lists")
        expect(warning).to_be_visible()
        field = page.get_by_role("combobox", name="Add a symbol")
        typed(field, "ADA")
        with start_exchange_server(market, int(url.rpartition(":")[2])):
            expect(warning).to_be_hidden()
            assert_untouched(page, field, "ADA")
        assert complaints(tab) == []
    assert "Traceback" not in log.read_text()


def test_an_address_while_the_answer_to_a_test_goes(open_tab: OpenTab, tmp_path: Path) -> None:
    make_home(tmp_path / "home", ("BTCUSDT",)).close()
    log = tmp_path / "app.log"
    with (
        scripted(lambda _: Answer(body=b"ok")) as receiver,
        serving(tmp_path / "home", log, ALERT_WEBHOOK_URL=f"{receiver.url}/hooks/one") as address,
    ):
        tab = open_tab(f"{address}/settings?part=Alerts")
        page = tab.page
        press(page, "test_webhook")
        told = page.get_by_text("took the test")
        expect(told).to_be_visible()
        field = page.get_by_role("textbox", name="Another address")
        typed(field, "https://hooks")
        expect(told).to_have_count(0)
        assert_untouched(page, field, "https://hooks")
        assert complaints(tab) == []
    assert "Traceback" not in log.read_text()
