"""What a page tells that only the warehouse, or only Dagster, can know, while that answers."""

import re
from collections.abc import Mapping

from playwright.sync_api import expect

from crypto_assets_tests.services.chromium import Tab
from crypto_assets_tests.streamlit_app.seen import complaints

BY_WAREHOUSE = {
    "dashboard": "Nothing needs attention",
    "analytics": "BTC / USDT",
    "pipeline": "Lake, candles",
    "quality": "Coverage",
    "scheduler": "To, inclusive",
    "settings": "BTC / USDT",
}
# By the page and its part.
BY_DAGSTER = {
    "pipeline?part=Runs": re.compile("All of them in Dagster|has not run anything yet"),
    "quality?part=Checks": re.compile("OHLC sane"),
    "scheduler": re.compile("New candles of every symbol"),
}


def expect_at_work(tabs: Mapping[str, Tab]) -> None:
    """Tabs by their pages' names, none of which misses the warehouse."""
    for name, tab in tabs.items():
        expect(tab.page.locator(".stMarkdownBadge", has_text="Live")).to_be_visible()
        expect(tab.page.get_by_text("The warehouse does not answer")).to_have_count(0)
        expect(tab.page.get_by_text(BY_WAREHOUSE[name]).first).to_be_visible()
        _expect_sound(tab)


def expect_dagster(tabs: Mapping[str, Tab]) -> None:
    """Tabs by keys of `BY_DAGSTER`, none of which misses Dagster."""
    for path, tab in tabs.items():
        expect(tab.page.get_by_text(BY_DAGSTER[path]).first).to_be_visible()
        expect(tab.page.get_by_text("Dagster is away")).to_have_count(0)
        expect(tab.page.get_by_text("Dagster cannot be asked")).to_have_count(0)
        _expect_sound(tab)


def _expect_sound(tab: Tab) -> None:
    expect(tab.page.locator("[data-testid=stException]")).to_have_count(0)
    assert complaints(tab) == []
