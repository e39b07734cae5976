"""Names from the exchange are shown as they are: no link, no image, no markup."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import expect

from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets.orchestrator import InstigatorTick
from crypto_assets_tests.reports.stock import generated, load
from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.streamlit_app.conftest import make_home, serving
from crypto_assets_tests.streamlit_app.page_checks import list_errors
from streamlit_app.components.notices import escape_markdown
from streamlit_app.scheduler.dagster_labels import format_tick

IMAGE = "![p](http://127.0.0.1:9/pixel.png)"
LINK = "[click](http://evil.test)"
NAMES = {
    "BTCUSDT": (IMAGE, LINK),
    "ETHUSDT": ("WWW.EVIL.TEST", "**bold** :red[x]"),
    "SOLUSDT": ("http://evil.test/a", "me@evil.test"),
}
PAGES = ("", "analytics?symbol=BTCUSDT", "settings", "quality", "pipeline", "scheduler")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the app over a warehouse with names that the parser would not accept."""
    folder = tmp_path_factory.mktemp("escaping")
    warehouse = make_home(folder / "home", tuple(NAMES))
    until = floor_ms(now_ms(), MINUTE_MS)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        load(warehouse, symbol, generated(symbol, Window(until - 30 * HOUR_MS, until)))
    warehouse.close()
    with closing(sqlite3.connect(folder / "home" / "warehouse.db")) as database:
        for symbol, (base, quote) in NAMES.items():
            database.execute(
                "update symbols set base = ?, quote = ? where symbol = ?", (base, quote, symbol)
            )
        database.commit()
    log = folder / "app.log"
    with serving(folder / "home", log) as served:
        yield served
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_a_link_or_an_image_of_the_data(
    open_tab: OpenTab, address: str, path: str
) -> None:
    tab = open_tab(f"{address}/{path}")
    tab.page.wait_for_load_state("networkidle")
    expect(tab.page.locator("[data-testid=stSkeleton]")).to_have_count(0)
    expect(tab.page.locator("a[href*='evil' i], img[src*='pixel']")).to_have_count(0)
    assert list_errors(tab) == []


def test_the_names_are_shown_as_they_are(open_tab: OpenTab, address: str) -> None:
    page = open_tab(address).page
    shown = f"{IMAGE} / {LINK}".replace("http:", "http:\N{WORD JOINER}")
    expect(page.get_by_text(shown)).to_have_count(1)
    expect(page.get_by_text("**bold** :red[x]").first).to_be_visible()


@pytest.mark.parametrize("name", ["BTC", "1000SATS", "币安人生", "LONG-NAME"])
def test_ordinary_names_are_not_changed(name: str) -> None:
    assert escape_markdown(name) == name


def test_the_message_of_a_tick_becomes_no_element() -> None:
    note = "<a href='http://evil.test'>click</a>"
    shown = format_tick(InstigatorTick(now_ms(), None, "SKIPPED", note, ()))
    assert "<a" not in shown and "&lt;a href" in shown
