"""Measures the candle chart in headless Chromium: its frames, and how fast it is shown."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from crypto_assets.market.utc_time import MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets_tests.bench.chart_changes import measure_changes, measure_first_chart
from crypto_assets_tests.reports.stock import generated, load
from crypto_assets_tests.services.chromium import ARGUMENTS, find_chromium, wait_for_script
from crypto_assets_tests.streamlit_app.conftest import make_home, serving

_SYMBOLS = ("BTCUSDT", "ETHUSDT")
_FIGURES = {"chart_frame_p95_ms": 5_000, "chart_frame_50k_p95_ms": 50_000}
_TURNS = 60
_PANEL = "document.querySelector('.candle-chart').panel"
_RECORD = """() => {
    window.frameTimes = [];
    window.isRecording = true;
    let last = performance.now();
    const record = () => {
        const now = performance.now();
        window.frameTimes.push(now - last);
        last = now;
        if (window.isRecording) requestAnimationFrame(record);
    };
    requestAnimationFrame(record);
}"""


def measure_chart() -> Iterator[tuple[str, float]]:
    """Measure the first chart, changes of it, and its frames with 5,000 and 50,000 minutes loaded.

    The figure of the frames is their 95th percentile.
    """
    most = max(_FIGURES.values())
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        warehouse = make_home(home, _SYMBOLS)
        end = floor_ms(now_ms(), MINUTE_MS)
        window = Window(end - most * MINUTE_MS, end)
        for symbol in _SYMBOLS:
            load(warehouse, symbol, generated(symbol, window))
        warehouse.close()
        with (
            serving(home, Path(folder) / "app.log") as address,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(
                executable_path=find_chromium(), args=list(ARGUMENTS)
            )
            yield from measure_first_chart(browser, address)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{address}/analytics?interval=1h&range=1w")
            page.wait_for_selector(".candle-chart .readout")
            yield from measure_changes(page, _SYMBOLS)
            page.goto(f"{address}/analytics?interval=1m&range=1d")
            page.wait_for_selector(".candle-chart .readout")
            for name, count in _FIGURES.items():
                _load_candles(page, count)
                yield name, _measure_frames(page)
            browser.close()


def _load_candles(page: Page, count: int) -> None:
    """Let the chart load older candles until it has `count` of them."""
    while page.evaluate(f"{_PANEL}.loaded.times.length") < count:
        # A request is lost if the chart sends another one before the app has read it.
        page.evaluate(
            f"""() => {{
                const from = {_PANEL}.loaded.window[0];
                {_PANEL}.report([from - 5_000 * {_PANEL}.content.step, from]);
            }}"""
        )
        page.wait_for_timeout(1_000)
    wait_for_script(page, f"{_PANEL}.loaded.times.length >= {count}")


def _measure_frames(page: Page) -> float:
    """Pan, then zoom, and return the 95th percentile of all frames in ms."""
    page.mouse.move(600, 400)
    page.mouse.down()
    frames = _record_frames(page, lambda turn: page.mouse.move(600 + turn % 30 * 8, 400))
    page.mouse.up()
    frames += _record_frames(page, lambda turn: page.mouse.wheel(0, -100 if turn % 20 > 9 else 100))
    return sorted(frames)[int(len(frames) * 0.95)]


def _record_frames(page: Page, move: Callable[[int], None]) -> list[float]:
    page.evaluate(_RECORD)
    for turn in range(_TURNS):
        move(turn)
        page.evaluate("new Promise(requestAnimationFrame)")
    return list(page.evaluate("(window.isRecording = false, window.frameTimes)"))


if __name__ == "__main__":
    for figure, value in measure_chart():
        print(f"{figure} {value:.1f}")  # noqa: T201
