"""What a person does to the pages that steer: press, confirm, look at a card, open a part."""

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
