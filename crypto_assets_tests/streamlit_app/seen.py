"""What a browser shows of the pages, and how long a test waits for it."""

from typing import Any, Literal

from playwright.sync_api import Page, expect

from crypto_assets_tests.services.chromium import Tab

# These tests are about what happens, and not how soon on a busy machine.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)

WIDTHS = (1440, 390)
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
GROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(14, 20, 29)"}


def complaints(tab: Tab) -> list[str]:
    """What went wrong, except that below a deep link Streamlit looks for its own root first."""
    return [error for error in tab.errors if "/_stcore/" not in error]


def candles_in(page: Page) -> dict[str, Any]:
    """What the browser drew: counts of candles, names of lines, and what ranges are seen."""
    page.wait_for_selector(".js-plotly-plot .trace.boxes", state="attached")
    return page.evaluate(
        """() => {
            const plot = document.querySelector('.js-plotly-plot');
            const kinds = kind => plot._fullData.filter(trace => trace.type === kind);
            return {
                candles: kinds('candlestick').reduce((sum, trace) => sum + trace._length, 0),
                lines: kinds('scatter').filter(trace => trace.showlegend).map(trace => trace.name),
                range: plot._fullLayout.xaxis.range.map(end => Date.parse(end + 'Z')),
                prices: plot._fullLayout.yaxis.range,
            };
        }"""
    )


def assert_shown_well(page: Page, width: int, scheme: Scheme) -> None:
    """As `assert_rendered`, and the page itself reports nothing wrong."""
    expect(page.locator("[data-testid=stAlertContentError]")).to_have_count(0)
    assert_rendered(page, width, scheme)


def assert_rendered(page: Page, width: int, scheme: Scheme) -> None:
    """No exception, nothing wider than the window, the ground that the viewer's system asks for."""
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    page.wait_for_function(f"{ground} === '{GROUNDS[scheme]}'")  # one scheme fades into the other


def narrower_than(page: Page, span: list[float]) -> None:
    """Waits until less time is seen than `span` (from, to; epoch ms) has."""
    page.wait_for_function(
        """([from, to]) => {
            const [first, last] = document.querySelector('.js-plotly-plot').view ?? [-Infinity, 0];
            return last - first < to - from;
        }""",
        arg=span,
    )


def stands_in_the_address(page: Page) -> None:
    """Waits until what is seen is what the address says."""
    page.wait_for_function(
        """() => {
            const ends = document.querySelector('.js-plotly-plot').view;
            const written = ends?.map(end => Math.floor(end / 1000)).join('-');
            return written && location.search.includes(`view=${written}`);
        }"""
    )
