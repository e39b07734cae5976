"""A home with charts to draw on, and how a browser draws on them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from crypto_assets.market.chart_drawings import ChartDrawing
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.reports.stock import generated, hole_before, load
from crypto_assets_tests.services.chromium import OpenTab, Tab, wait_for_script
from crypto_assets_tests.streamlit_app.conftest import make_home, serving
from crypto_assets_tests.streamlit_app.gestures import unlock_address
from crypto_assets_tests.streamlit_app.test_zoom_browser import CANDLES_ONLY, PANEL, wait_for_chart

TOOLS = f"{PANEL}.drawingTools"
STORE = f"{TOOLS}.store"
# Each test has its own, because the app caches stored drawings for seconds.
ZONES = {
    "America/Los_Angeles": "BTCUSDT",
    "Asia/Kolkata": "ETHUSDT",
    "Pacific/Auckland": "SOLUSDT",
    "UTC": "XRPUSDT",
}
EDITED, SHARED, VIEWED, TOUCHED = "ADAUSDT", "DOGEUSDT", "LTCUSDT", "SHIBUSDT"
# Nothing listens there, so that the notices which say so are above each chart.
_CLOSED = "http://127.0.0.1:9"


@dataclass(frozen=True)
class DrawnHome:
    """A served home, and its warehouse, which is `file`."""

    address: str
    file: Path
    warehouse: Warehouse

    def format_address(self, symbol: str, interval: str = "1h") -> str:
        return f"analytics?symbol={symbol}&interval={interval}&range=3d&{CANDLES_ONLY}"

    def list_drawings(self, symbol: str) -> list[ChartDrawing]:
        return self.warehouse.chart_drawings.list_drawings(symbol)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrawnHome]:
    home = tmp_path_factory.mktemp("drawn")
    symbols = (*ZONES.values(), EDITED, SHARED, VIEWED, TOUCHED)
    warehouse = make_home(home, symbols)
    until = floor_ms(now_ms(), HOUR_MS) + 2 * MINUTE_MS
    window = Window(until - 4 * DAY_MS, until)
    for symbol in symbols:
        load(warehouse, symbol, generated(symbol, window, [hole_before(until, 24, 120)]))
    log = home / "app.log"
    with serving(home, log, DAGSTER_URL=_CLOSED, EXCHANGE_URL=_CLOSED) as address:
        yield DrawnHome(address, home / "warehouse.db", warehouse)
    warehouse.close()
    assert "Traceback" not in log.read_text()


def open_as_operator(open_tab: OpenTab, drawn: DrawnHome, symbol: str, **options: Any) -> Tab:
    tab = open_tab(unlock_address(drawn.address, drawn.format_address(symbol)), **options)
    wait_until_settled(tab.page)
    wait_for_script(tab.page, f"{STORE}.canSave")
    return tab


def wait_until_settled(page: Page) -> None:
    """Wait until the chart is drawn, and the notices above it, which move it, are shown."""
    wait_for_chart(page)
    for name in ("Dagster unavailable.", "Exchange unreachable. Data"):
        expect(page.get_by_text(name)).to_be_visible()


def choose_tool(page: Page, name: str) -> None:
    page.get_by_role("toolbar", name="Drawing tools").get_by_role("button", name=name).click()


def find_corner(page: Page) -> tuple[float, float]:
    """Return the top left corner of the price pane in the window."""
    box = page.locator(".candle-chart .stage").bounding_box()
    assert box is not None
    return box["x"], box["y"]


def click_chart(page: Page, *places: tuple[float, float]) -> None:
    """Click places of the price pane, in pixels."""
    left, top = find_corner(page)
    for x, y in places:
        page.mouse.move(left + x, top + y)
        page.mouse.click(left + x, top + y)


def drag_drawing(
    page: Page, start: tuple[float, float], end: tuple[float, float], *, release: bool = True
) -> None:
    left, top = find_corner(page)
    page.mouse.move(left + start[0], top + start[1])
    page.mouse.down()
    page.mouse.move(left + (start[0] + end[0]) / 2, top + (start[1] + end[1]) / 2)
    page.mouse.move(left + end[0], top + end[1])
    if release:
        page.mouse.up()


def wait_until_saved(page: Page, count: int) -> None:
    """Wait until Python has answered all changes, and the page has so many stored drawings."""
    wait_for_script(
        page,
        f"count => !{STORE}.sent && {STORE}.stored.size === count",
        count,
    )


def recolor(page: Page, color: str) -> None:
    recolor_unsaved(page, color)
    wait_for_script(page, f"!{STORE}.sent")


def recolor_unsaved(page: Page, color: str) -> None:
    page.get_by_label("Color of the drawing").fill(color)
