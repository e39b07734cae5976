"""Gestures of a user in a browser: click, confirm, open a tab, turn the wheel."""

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
    page.wait_for_selector(".live-chart .readout")
    page.locator(".nsewdrag").first.hover()
    for _ in range(abs(turns)):
        page.mouse.wheel(0, 900 if turns > 0 else -900)
        page.evaluate("new Promise(requestAnimationFrame)")  # A busy browser would join two turns.


def turn_wheel_steadily(page: Page, turns: int, delta: int) -> None:
    """Turn the wheel over the candle chart without a rest. `delta` is that of `WheelEvent`."""
    page.evaluate(
        """async ({ turns, delta, pause }) => {
            for (let turn = 0; turn < turns; turn++) {
                const pane = document.querySelector('.nsewdrag');
                const { x, y, width, height } = pane.getBoundingClientRect();
                const position = { clientX: x + width / 2, clientY: y + height / 2 };
                const options = { deltaY: delta, bubbles: true, cancelable: true };
                pane.dispatchEvent(new WheelEvent('wheel', { ...position, ...options }));
                await new Promise(resolve => setTimeout(resolve, pause));
            }
        }""",
        {
            "turns": turns,
            "delta": delta,
            "pause": 20,
        },  # ms, shorter than the rest that ends a gesture
    )
