"""Measure the two libraries that could draw the candle chart.

`python -m crypto_assets_tests.proofs.chart_libraries` prints, for 500, 5,000 and 50,000 bars, the
milliseconds to the first paint, and of the frames of a pan and of a zoom.
"""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page, Route, sync_playwright

from crypto_assets_tests.services.chromium import ARGUMENTS, find_chromium
from streamlit_app.components.script_libraries import LIGHTWEIGHT_CHARTS, PLOTLY, ScriptLibrary

_COUNTS = (500, 5_000, 50_000)
_TURNS = 40
_PAGE = """<body style="margin: 0"><div id="chart" style="width: 1360px; height: 720px"></div>
<script src="/library.js"></script></body>"""
_BARS = """
    let price = 100, seed = 42;
    const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648 - 0.5;
    const bars = Array.from({ length: count }, (_, index) => {
        const open = price, close = (price += random());
        const [high, low] = [Math.max(open, close) + 0.3, Math.min(open, close) - 0.3];
        return { time: 1.7e9 + index * 60, open, high, low, close, volume: 10 + 20 * (high - low) };
    });
    const frame = () => new Promise(requestAnimationFrame);
    const began = performance.now();
"""
_LIGHTWEIGHT_CHARTS = f"""async count => {{ {_BARS}
    const library = LightweightCharts, place = document.getElementById('chart');
    const chart = library.createChart(place, {{
        autoSize: true, timeScale: {{ minBarSpacing: 0.01 }},
    }});
    chart.addSeries(library.CandlestickSeries).setData(bars);
    const add = (kind, values, pane) => chart.addSeries(library[kind], {{}}, pane)
        .setData(bars.map(({{ time }}, index) => ({{ time, value: values[index] }})));
    add('HistogramSeries', bars.map(bar => bar.volume), 1);
    for (const shift of [0, 1, 2]) {{
        add('LineSeries', bars.map(bar => bar.close + shift), shift === 2 ? 2 : 0);
    }}
    chart.timeScale().setVisibleLogicalRange({{ from: 0, to: count }});
    await frame(); await frame();
    return performance.now() - began;
}}"""
_PLOTLY = f"""async count => {{ {_BARS}
    const x = bars.map(bar => new Date(bar.time * 1000).toISOString().slice(0, -1));
    const column = name => bars.map(bar => bar[name]);
    const [open, high, low, close] = ['open', 'high', 'low', 'close'].map(column);
    const lines = [0, 1, 2].map(shift => ({{
        type: 'scatter', mode: 'lines', x, y: close.map(value => value + shift),
        yaxis: shift === 2 ? 'y3' : 'y',
    }}));
    await Plotly.newPlot('chart', [
        {{ type: 'candlestick', x, open, high, low, close }},
        {{ type: 'bar', x, y: column('volume'), yaxis: 'y2' }}, ...lines,
    ], {{
        dragmode: 'pan', hovermode: 'x', showlegend: false, margin: {{ l: 8, r: 60, t: 8, b: 28 }},
        xaxis: {{ rangeslider: {{ visible: false }} }}, yaxis: {{ domain: [0.4, 1] }},
        yaxis2: {{ domain: [0.2, 0.38] }}, yaxis3: {{ domain: [0, 0.18] }},
    }}, {{ scrollZoom: true }});
    await frame(); await frame();
    return performance.now() - began;
}}"""
_RECORD = """() => {
    window.frames_ms = [];
    window.isRecording = true;
    let last = performance.now();
    const record = () => {
        const now = performance.now();
        window.frames_ms.push(now - last);
        last = now;
        if (window.isRecording) requestAnimationFrame(record);
    };
    requestAnimationFrame(record);
}"""


@dataclass(frozen=True)
class _Candidate:
    library: ScriptLibrary
    draw: str


_CANDIDATES = (_Candidate(LIGHTWEIGHT_CHARTS, _LIGHTWEIGHT_CHARTS), _Candidate(PLOTLY, _PLOTLY))


def measure_library(page: Page, candidate: _Candidate, count: int) -> str:
    """Draw, pan and zoom, and return the line of a table."""

    def serve(route: Route) -> None:
        if route.request.url.endswith("library.js"):
            route.fulfill(body=candidate.library.script, content_type="text/javascript")
        else:
            route.fulfill(body=_PAGE, content_type="text/html")

    page.route("**/*", serve)
    page.goto("http://chart.test/")
    first_paint = page.evaluate(candidate.draw, count)
    page.mouse.move(700, 200)
    page.mouse.down()
    pan = _record_frames(page, lambda turn: page.mouse.move(700 - turn * 6, 200))
    page.mouse.up()
    zoom = _record_frames(page, lambda turn: page.mouse.wheel(0, -60 if turn % 2 else 60))
    name = candidate.library.script_name
    return f"{name} {count:,} bars: first {first_paint:.0f}, pan {pan}, zoom {zoom}"


def _record_frames(page: Page, move: Callable[[int], None]) -> str:
    page.evaluate(_RECORD)
    for turn in range(_TURNS):
        move(turn)
        page.evaluate("new Promise(requestAnimationFrame)")
    frames = sorted(page.evaluate("(window.isRecording = false, window.frames_ms)"))
    return " / ".join(f"{frames[int(len(frames) * part)]:.0f}" for part in (0.5, 0.95))


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        for candidate in _CANDIDATES:
            for count in _COUNTS:
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.set_default_timeout(300_000)
                print(measure_library(page, candidate, count))  # noqa: T201
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
