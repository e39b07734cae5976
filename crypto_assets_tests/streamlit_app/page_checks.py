"""Checks of the pages in a browser, and the timeout of the browser tests."""

from typing import Any, Literal

from playwright.sync_api import Page, expect

from crypto_assets_tests.services.chromium import Tab, wait_for_script

# Long, because the machine may be busy.
TIMEOUT_MS = 60_000
expect.set_options(timeout=TIMEOUT_MS)

WIDTHS = (1440, 390)
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(14, 20, 29)"}


def list_errors(tab: Tab) -> list[str]:
    """List the errors of a tab, without those of Streamlit's search for its root."""
    return [error for error in tab.errors if "/_stcore/" not in error]


def load_page(page: Page, url: str, width: int, scheme: Scheme) -> None:
    """Load a page with this width and color scheme.

    In a tab that has loaded another page of the app, this needs half of the processor time of a new
    tab, which has no cache.
    """
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.goto(url)


def read_chart(page: Page) -> dict[str, Any]:
    """Read the drawn chart: candles in view, names of lines, visible times (ms) and prices."""
    page.wait_for_selector(".candle-chart[aria-busy=false] .readout", state="attached")
    return page.evaluate(
        """() => {
            const panel = document.querySelector('.candle-chart').panel;
            const [from, to] = panel.readVisibleTimes();
            const names = panel.seriesSet.panes.flatMap(pane => pane.entries)
                .filter(entry => !entry.isCandle && entry.name !== 'Volume')
                .map(entry => entry.name);
            const prices = panel.seriesSet.main.priceScale().getVisibleRange();
            return {
                candles: [...panel.loaded.times].filter(time => time >= from && time <= to).length,
                lines: [...new Set(names)],
                range: [from, to],
                prices: [prices.from, prices.to],
            };
        }"""
    )


def assert_page_ok(page: Page, width: int, scheme: Scheme) -> None:
    """Check that the page is rendered and shows no error notice."""
    expect(page.locator("[data-testid=stAlertContentError]")).to_have_count(0)
    assert_rendered(page, width, scheme)


def assert_rendered(page: Page, width: int, scheme: Scheme) -> None:
    """Check for exceptions, horizontal overflow, and the background of the color scheme."""
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    wait_for_script(
        page, f"{background} === '{BACKGROUNDS[scheme]}'"
    )  # The schemes change with a transition.


def wait_for_narrower_view(page: Page, span: list[float]) -> None:
    """Wait until the view is narrower than `span` (from, to; epoch ms)."""
    wait_for_script(
        page,
        """([from, to]) => {
            const [first, last] = document.querySelector('.candle-chart').panel.view
                ?? [-Infinity, 0];
            return last - first < to - from;
        }""",
        span,
    )


def wait_for_view_in_url(page: Page) -> None:
    """Wait until the URL has the visible range."""
    wait_for_script(
        page,
        """() => {
            const ends = document.querySelector('.candle-chart').panel.view;
            const text = ends?.map(end => Math.floor(end / 1000)).join('-');
            return text && location.search.includes(`view=${text}`);
        }""",
    )
