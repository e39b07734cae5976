"""Gestures of a user in a browser: click, confirm, open a tab, turn the wheel, drag, touch."""

from collections.abc import Sequence
from urllib.parse import urlencode

from playwright.sync_api import Locator, Page, expect
from pydantic import SecretStr

from crypto_assets.access import AccessControl
from crypto_assets_tests.access.serving import OPERATOR_TOKEN
from crypto_assets_tests.services.chromium import wait_for_script


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


Place = tuple[float, float]
_PANEL = "document.querySelector('.candle-chart').panel"


def touch(page: Page, *paths: Sequence[Place], hold_ms: int = 0) -> None:
    """Move a finger, or two, along places of the window. All paths are of the same length.

    `hold_ms` is how long they rest at the first place.
    """
    session = page.context.new_cdp_session(page)

    def dispatch(kind: str, places: Sequence[Place]) -> None:
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    for step, places in enumerate(zip(*paths, strict=True)):
        dispatch("touchMove" if step else "touchStart", places)
        page.wait_for_timeout(16 if step else hold_ms)  # As a finger does; all at once is no swipe.
    dispatch("touchEnd", [])
    session.detach()


def draw_path(start: Place, end: Place, steps: int = 10) -> list[Place]:
    """Return places on the way from one to another, with both."""
    return [
        (start[0] + (end[0] - start[0]) * n / steps, start[1] + (end[1] - start[1]) * n / steps)
        for n in range(steps + 1)
    ]


def touch_until(page: Page, script: str, arg: object, *paths: Sequence[Place]) -> None:
    """Repeat a touch until a function of `arg` returns a true value.

    On a busy machine, a finger may rest so long before it moves that it shows the crosshair, which
    a tap ends.
    """
    for _ in range(20):
        touch(page, *paths)
        page.wait_for_timeout(700)
        if page.evaluate(script, arg):
            return
        if page.evaluate(f"{_PANEL}.alertMenu.crosshairTop") is not None:
            box = page.locator(".candle-chart .stage").bounding_box()
            assert box is not None
            page.touchscreen.tap(box["x"] + 20, box["y"] + 300)
            page.wait_for_timeout(700)
    raise AssertionError(f"never true: {script}")


IS_NARROWER = f"""span => {{
    const [from, to] = {_PANEL}.readVisibleTimes();
    return to - from < span;
}}"""


def wait_until_at_rest(page: Page) -> None:
    """Wait until the chart no longer rolls on after a swipe."""
    wait_for_script(page, f"performance.now() - {_PANEL}.gestureAt > 400")
