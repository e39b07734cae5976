"""Measures how long the page Analytics takes to show a chart: at first, and after a choice."""

from collections.abc import Iterator
from statistics import median

from playwright.sync_api import Browser, Page

_TURNS = 12
_INTERVALS = ("4h", "1h")
_SETTLE_MS = 2_500  # A late element can still move the page.
_OBSERVE_SHIFTS = """
    window.layoutShift = 0;
    new PerformanceObserver(list => {
        for (const entry of list.getEntries()) {
            if (!entry.hadRecentInput) window.layoutShift += entry.value;
        }
    }).observe({ type: "layout-shift", buffered: true });
"""
# Clicks, and resolves with the ms until the chart is drawn as `isShown` says.
_TIME_CHART = """
async ([button, name, value]) => {
    const start = performance.now();
    button?.click();
    for (;;) {
        await new Promise(requestAnimationFrame);
        const panel = document.querySelector(".candle-chart")?.panel;
        const isDrawn = panel?.seriesSet && panel.drawnCandles === panel.loaded;
        if (isDrawn && (!name || panel.content[name] === value)) break;
    }
    await new Promise(requestAnimationFrame);  // It is on the screen in the next frame.
    return button ? performance.now() - start : performance.now();
}
"""


def measure_first_chart(browser: Browser, address: str) -> Iterator[tuple[str, float]]:
    """Measure the first chart of a browser without a cache, and by how much the page moves."""
    times, shifts = [], []
    for _ in range(3):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.add_init_script(_OBSERVE_SHIFTS)
        page.goto(f"{address}/analytics", wait_until="commit")
        times.append(page.evaluate(_TIME_CHART, [None, "", ""]))
        page.wait_for_timeout(_SETTLE_MS)
        shifts.append(page.evaluate("window.layoutShift"))
        context.close()
    yield "chart_first_s", median(times) / 1000
    yield "chart_layout_shift", max(shifts)


def measure_changes(page: Page, symbols: tuple[str, str]) -> Iterator[tuple[str, float]]:
    """Measure the time from a click to a drawn chart of another interval, or symbol."""
    by_interval = [
        _time_click(page, f".interval-picker [data-interval='{interval}']", "interval", interval)
        for _ in range(_TURNS // 2)
        for interval in _INTERVALS
    ]
    yield "chart_interval_ms", median(by_interval)
    by_symbol = [
        _time_click(page, f".watchlist [data-symbol={symbol}]", "symbol", symbol)
        for _ in range(_TURNS // 2)
        for symbol in reversed(symbols)
    ]
    yield "chart_symbol_ms", median(by_symbol)


def _time_click(page: Page, selector: str, name: str, value: str) -> float:
    page.wait_for_timeout(700)  # Until the parts of the page that are drawn later are.
    button = page.locator(selector).first.element_handle()  # Also in a shadow root.
    return float(page.evaluate(_TIME_CHART, [button, name, value]))
