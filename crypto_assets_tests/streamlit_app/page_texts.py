"""Texts of the pages that come from the warehouse or from Dagster."""

import re
from collections.abc import Mapping

from playwright.sync_api import expect

from crypto_assets_tests.services.chromium import Tab
from crypto_assets_tests.streamlit_app.page_checks import list_errors

WAREHOUSE_TEXTS = {
    "dashboard": "Nothing needs attention",
    "analytics": "BTC / USDT",
    "pipeline": "Lake: candles",
    "quality": "Coverage",
    "alerts": "No price alerts",
    "scheduler": "To (UTC day, inclusive)",
    "settings": "BTC / USDT",
}
# By page and part.
DAGSTER_TEXTS = {
    "pipeline?part=Runs": re.compile("All runs in Dagster|No runs yet"),
    "quality?part=Checks": re.compile("Plausible prices"),
    "scheduler": re.compile("Fetches new candles of all symbols"),
}


def expect_warehouse_texts(tabs: Mapping[str, Tab]) -> None:
    """Check that all tabs, given by page, show data of the warehouse."""
    for name, tab in tabs.items():
        expect(tab.page.locator(".st-key-status", has_text="Live")).to_be_visible()
        expect(tab.page.get_by_text("Cannot reach the warehouse")).to_have_count(0)
        expect(tab.page.get_by_text(WAREHOUSE_TEXTS[name]).first).to_be_visible()
        _expect_no_errors(tab)


def expect_dagster_texts(tabs: Mapping[str, Tab]) -> None:
    """Check that all tabs, given by key of `DAGSTER_TEXTS`, show data of Dagster."""
    for path, tab in tabs.items():
        expect(tab.page.get_by_text(DAGSTER_TEXTS[path]).first).to_be_visible()
        expect(tab.page.get_by_text("Dagster unavailable")).to_have_count(0)
        expect(tab.page.get_by_text("Cannot reach Dagster")).to_have_count(0)
        _expect_no_errors(tab)


def _expect_no_errors(tab: Tab) -> None:
    expect(tab.page.locator("[data-testid=stException]")).to_have_count(0)
    assert list_errors(tab) == []
