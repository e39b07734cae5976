"""What a person does to a page: press, confirm, look at a card, open a part, turn the wheel."""

from playwright.sync_api import Locator, Page, expect


def press(page: Page, key: str) -> None:
    # A button with a tooltip stands twice in the page, for wide and for narrow; one is seen.
    page.locator(f".st-key-{key} button:visible").first.click()


def confirm(page: Page, label: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=label, exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def card(page: Page, name: str) -> Locator:
    return page.locator(f".st-key-card_{name}")


def badge(page: Page, name: str, words: str) -> Locator:
    """A card's state; an icon stands before the words."""
    return card(page, name).locator(".stMarkdownBadge", has_text=words)


def part(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def wheel(page: Page, turns: int) -> None:
    """Over the candles; outwards, inwards where negative.

    The readouts come last: the chart that shows them follows the wheel.
    """
    page.wait_for_selector(".live-chart .readout")
    page.locator(".nsewdrag").first.hover()
    for _ in range(abs(turns)):
        page.mouse.wheel(0, 900 if turns > 0 else -900)
        page.evaluate("new Promise(requestAnimationFrame)")  # or a busy browser joins two turns


def steady_wheel(page: Page, turns: int, delta: int) -> None:
    """Over the candles without a rest, as a hand does; `delta` as a `WheelEvent` has it."""
    page.evaluate(
        """async ({ turns, delta, pause }) => {
            for (let turn = 0; turn < turns; turn++) {
                const ground = document.querySelector('.nsewdrag');
                const { x, y, width, height } = ground.getBoundingClientRect();
                const place = { clientX: x + width / 2, clientY: y + height / 2 };
                const how = { deltaY: delta, bubbles: true, cancelable: true };
                ground.dispatchEvent(new WheelEvent('wheel', { ...place, ...how }));
                await new Promise(resolve => setTimeout(resolve, pause));
            }
        }""",
        {"turns": turns, "delta": delta, "pause": 20},  # ms, below what ends a gesture
    )
