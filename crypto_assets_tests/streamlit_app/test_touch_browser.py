"""The candle chart on a phone: fingers scroll, zoom, and show the crosshair."""

import re

from playwright.sync_api import Page, expect

from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.streamlit_app.gestures import (
    IS_NARROWER,
    Place,
    draw_path,
    touch,
    touch_until,
    wait_until_at_rest,
)
from crypto_assets_tests.streamlit_app.page_checks import list_errors
from crypto_assets_tests.streamlit_app.test_zoom_browser import CANDLES_ONLY, PANEL, wait_for_chart

_SCROLLED = "document.querySelector('[data-testid=stMain]').scrollTop"


def _find_center(page: Page) -> Place:
    """Return a place in the middle of the prices, which notices above the chart move."""
    page.evaluate("document.querySelector('.stage').scrollIntoView({ block: 'center' })")
    box = page.locator(".candle-chart .stage").bounding_box()
    assert box is not None
    return box["x"] + 170, box["y"] + 180


def _read_view(page: Page) -> list[float]:
    return list(page.evaluate(f"{PANEL}.readVisibleTimes()"))


def test_fingers_scroll_the_chart_and_the_page_and_zoom(open_tab: OpenTab, market: str) -> None:
    tab = open_tab(f"{market}?interval=15m&range=1d&{CANDLES_ONLY}", is_phone=True)
    page = tab.page
    wait_for_chart(page)
    view = _read_view(page)
    x, y = _find_center(page)
    before = page.evaluate(_SCROLLED)
    path = draw_path((x, y + 100), (x + 5, y - 150))
    touch_until(page, f"before => {_SCROLLED} > before + 100", before, path)
    assert _read_view(page) == view

    x, y = _find_center(page)
    before = page.evaluate(_SCROLLED)
    path = draw_path((x, y), (x + 120, y + 10))
    is_earlier = f"time => {PANEL}.readVisibleTimes()[0] < time"
    touch_until(page, is_earlier, view[0] - 3_600_000, path)
    assert page.evaluate(_SCROLLED) == before
    wait_until_at_rest(page)

    view = _read_view(page)
    fingers = (draw_path((x + side * 30, y), (x + side * 110, y)) for side in (-1, 1))
    touch_until(page, IS_NARROWER, (view[1] - view[0]) / 2, *fingers)
    assert page.evaluate("visualViewport.scale") == 1
    assert list_errors(tab) == []


def test_a_long_press_shows_the_crosshair_with_its_values(open_tab: OpenTab, market: str) -> None:
    tab = open_tab(f"{market}?interval=15m&range=1d&{CANDLES_ONLY}", is_phone=True)
    page = tab.page
    wait_for_chart(page)
    readout = page.locator(".candle-chart .readout").first
    time = re.compile(r"\d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d UTC")
    expect(readout).not_to_have_text(time)
    view = _read_view(page)
    x, y = _find_center(page)
    touch(page, [(x, y)], hold_ms=900)
    expect(page.locator(".candle-chart .chart-menu:popover-open")).to_have_count(0)
    expect(readout).to_have_text(time)
    pressed = time.search(readout.inner_text())
    assert pressed
    # A further finger moves the crosshair, not the chart.
    touch(page, draw_path((x, y), (x + 60, y + 40)))
    expect(readout).to_have_text(time)
    expect(readout).not_to_contain_text(pressed[0])
    assert _read_view(page) == view

    price = page.evaluate(
        f"{PANEL}.seriesSet.main.coordinateToPrice({PANEL}.alertMenu.crosshairTop)"
    )
    page.locator(".candle-chart .controls .alert").tap()
    expect(page.locator(".candle-chart .add-alert")).to_have_text(f"Alert at {price:,.2f}\u2026")
    _tap_until(page, "!document.querySelector('.chart-menu:popover-open')")
    _tap_until(page, f"{PANEL}.alertMenu.crosshairTop === null")
    expect(readout).not_to_have_text(time)
    for button in (".candle-chart .go", ".interval-picker .menu"):
        page.locator(button).tap()
        expect(page.locator(":popover-open")).to_have_count(1)
        _tap_until(page, "!document.querySelector(':popover-open')")
    assert list_errors(tab) == []


def _tap_until(page: Page, script: str) -> None:
    """Tap until a script is true: on a busy machine, a tap can last as long as a long press."""
    for _ in range(20):
        x, y = _find_center(page)
        page.touchscreen.tap(x, y + 60)  # Below the interval menu.
        page.wait_for_timeout(600)  # Two taps at once are a double tap.
        if page.evaluate(script):
            return
    raise AssertionError(f"never true: {script}")
