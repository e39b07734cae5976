"""Gestures of a user in a browser: click, confirm, open a tab, turn the wheel, drag."""

from urllib.parse import urlencode

from playwright.sync_api import Locator, Page, expect
from pydantic import SecretStr

from crypto_assets.access import AccessControl
from crypto_assets_tests.access.serving import OPERATOR_TOKEN


def unlock_address(address: str, page: str = "") -> str:
    """Return an address that unlocks the browser and then shows a page of the app."""
    link = AccessControl(SecretStr(OPERATOR_TOKEN)).create_unlock_link(address)
    return f"{link}&{urlencode({'next': f'/{page}'})}"


def click_button(page: Page, key: str) -> None:
    """Click a button by its widget key."""
    # A button with a tooltip is in the page twice, for wide and narrow screens; one is visible.
    page.locator(f".st-key-{key} button:visible").first.click()


def confirm(page: Page, label: str) -> None:
    """Click a button of the open dialog, and wait until it closes."""
    page.get_by_role("dialog").get_by_role("button", name=label, exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def locate_row(page: Page, name: str) -> Locator:
    """Return the row of a schedule, a sensor or a symbol in its table."""
    return page.locator(f"[data-row={name}]")


def click_in_row(page: Page, name: str, action: str) -> None:
    """Click a switch, a button or a link of a row."""
    locate_row(page, name).locator(f"[data-action={action}]").click()


def expect_running(page: Page, name: str, running: bool) -> None:
    """Check the switch of a schedule or sensor."""
    switch = locate_row(page, name).get_by_role("switch")
    expect(switch).to_have_attribute("aria-checked", str(running).lower())


def open_part(page: Page, name: str) -> None:
    """Open a tab of the page."""
    page.get_by_role("tab", name=name, exact=True).click()


def turn_wheel(page: Page, turns: int) -> None:
    """Zoom the candle chart out, or in if `turns` is negative.

    The chart follows the wheel once it shows its readouts.
    """
    page.wait_for_selector(".candle-chart .readout")
    page.locator(".candle-chart .stage").hover(position={"x": 400, "y": 150})
    for _ in range(abs(turns)):
        page.mouse.wheel(0, 100 if turns > 0 else -100)
        page.evaluate("new Promise(requestAnimationFrame)")  # A busy browser would join two turns.


def drag_chart(page: Page, distance: int) -> None:
    """Drag the candle chart to the right by pixels, to older candles; left if negative."""
    box = page.locator(".candle-chart .stage").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + 150
    page.mouse.move(x - distance / 2, y)
    page.mouse.down()
    for part in range(1, 9):
        page.mouse.move(x - distance / 2 + distance * part / 8, y)
        page.evaluate("new Promise(requestAnimationFrame)")
    page.mouse.up()
