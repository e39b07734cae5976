"""The view of the candle chart in a real browser: scrolling, URL, updates, and time zones."""

import re
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets_tests.reports.stock import generated, load
from crypto_assets_tests.services.chromium import OpenTab, wait_for_script
from crypto_assets_tests.streamlit_app.conftest import make_home, serving
from crypto_assets_tests.streamlit_app.gestures import drag_chart, turn_wheel
from crypto_assets_tests.streamlit_app.page_checks import (
    list_errors,
    read_chart,
    wait_for_narrower_view,
    wait_for_view_in_url,
)

# Candles and volume only.
CANDLES_ONLY = (
    "sma=false&ema=false&rsi=false"
    "&order_book=false&volume_profile=false&return_distribution=false&correlation_matrix=false"
)
PANEL = "document.querySelector('.candle-chart').panel"


def wait_for_chart(page: Page) -> None:
    page.wait_for_selector(".candle-chart .readout")
    wait_for_script(page, f"{PANEL}.readVisibleTimes() !== null")


def read_loaded(page: Page) -> list[float]:
    """Return the window of the candles that the browser has (epoch ms)."""
    return list(page.evaluate(f"{PANEL}.loaded.window"))


def test_a_view_stays_at_its_interval_and_survives_a_reload(open_tab: OpenTab, market: str) -> None:
    tab = open_tab(f"{market}?interval=1m&range=6h&{CANDLES_ONLY}")
    page = tab.page
    expect(page.get_by_text("360 candles of 1m")).to_be_visible()
    wait_for_chart(page)
    whole = read_chart(page)["range"]
    turn_wheel(page, 8)
    wait_for_view_in_url(page)
    wide = read_chart(page)["range"]
    assert wide[1] - wide[0] > 1.5 * (whole[1] - whole[0])
    expect(page.get_by_text("candles of 1m,")).to_be_visible()
    turn_wheel(page, -20)
    wait_for_narrower_view(page, whole)
    wait_for_view_in_url(page)
    zoomed = read_chart(page)["range"]
    page.reload()
    wait_for_chart(page)
    assert read_chart(page)["range"] == pytest.approx(zoomed, abs=1000)
    page.locator(".st-key-range_bar").get_by_text("1d", exact=True).click()
    page.wait_for_url(lambda url: "range=1d" in url and "view=" not in url)
    expect(page.get_by_text(re.compile(r"1,\d{3} candles of 1m"))).to_be_visible()
    assert list_errors(tab) == []


def test_history_is_loaded_while_the_viewer_scrolls(open_tab: OpenTab, market: str) -> None:
    """To the first candle and back, with the newest price at the axis all the way."""
    tab = open_tab(f"{market}?symbol=ETHUSDT&interval=1m&range=6h&{CANDLES_ONLY}")
    page = tab.page
    wait_for_chart(page)
    last = page.evaluate(f"{PANEL}.seriesSet.lastPrice.options().price")
    first = page.evaluate(f"{PANEL}.content.stored[0]")
    for _ in range(30):
        turn_wheel(page, 4)
        drag_chart(page, 500)
        if read_loaded(page)[0] == first:
            break
    wait_for_script(page, f"{PANEL}.loaded.window[0] === {first}")
    wait_for_view_in_url(page)
    times = page.evaluate(f"[...{PANEL}.loaded.times]")
    assert times[0] == first
    assert all(later - earlier == MINUTE_MS for earlier, later in pairwise(times))
    assert page.evaluate(f"{PANEL}.seriesSet.lastPrice.options().price") == last
    assert page.evaluate(f"{PANEL}.isNewestVisible()") is False
    page.locator(".candle-chart .newest").click()
    page.wait_for_url(lambda url: "view=" not in url)
    wait_for_script(page, f"{PANEL}.isNewestVisible()")
    assert list_errors(tab) == []


def test_an_update_soon_after_a_click_does_not_become_the_viewers_view(
    open_tab: OpenTab, market: str
) -> None:
    page = open_tab(f"{market}?interval=1h&range=3d&{CANDLES_ONLY}").page
    wait_for_chart(page)
    view, ends = page.evaluate(
        f"""async () => {{
            const panel = {PANEL};
            const waitForFrames = async count => {{
                for (; count; count--) await new Promise(requestAnimationFrame);
            }};
            const {{ from, to }} = panel.timeScale.getVisibleLogicalRange();
            panel.gestureAt = -Infinity;
            panel.timeScale.setVisibleLogicalRange({{ from: from - 9, to: to - 9 }});
            await waitForFrames(3);
            panel.stage.dispatchEvent(new PointerEvent("pointerdown"));
            panel.draw();
            await waitForFrames(3);
            const shown = panel.timeScale.getVisibleLogicalRange();
            return [panel.view, [shown.from - from, shown.to - to]];
        }}"""
    )
    assert view is None and ends == pytest.approx([0, 0], abs=0.01)


def test_the_range_stays_while_the_chart_changes_its_width(open_tab: OpenTab, market: str) -> None:
    """Also if it has none at first, as in a tab that is not laid out yet; percent follow it."""
    page = open_tab(f"{market}?interval=1h&range=3d&scale=percent&{CANDLES_ONLY}").page
    wait_for_chart(page)
    before = read_chart(page)
    first = page.evaluate(f"{PANEL}.seriesSet.firstVisible")
    assert 60 < before["candles"] <= 72 and first > 0
    width = page.evaluate(f"{PANEL}.timeScale.width()")
    page.set_viewport_size({"width": 900, "height": 700})
    wait_for_script(page, f"{PANEL}.timeScale.width() < {width} - 100")
    assert read_chart(page)["range"] == pytest.approx(before["range"], abs=1000)
    page.evaluate(
        f"""async () => {{
            const panel = {PANEL};
            panel.stage.style.display = "none";
            panel.chartKey = null;  // As if it were the first time.
            panel.draw();
            for (let frames = 9; frames; frames--) await new Promise(requestAnimationFrame);
            panel.stage.style.display = "";
        }}"""
    )
    wait_for_script(
        page,
        f"{PANEL}.timeScale.width() > 0 && {PANEL}.timeScale.getVisibleLogicalRange()?.from > 0",
    )
    wait_for_script(page, f"{PANEL}.seriesSet.firstVisible === {first}")
    assert read_chart(page)["range"] == pytest.approx(before["range"], abs=1000)
    # The library moves the range by itself.
    page.evaluate(
        f"{PANEL}.timeScale.setVisibleLogicalRange({{ from: {first} - 20, to: {first} }})"
    )
    wait_for_script(page, f"{PANEL}.seriesSet.firstVisible === {first} - 20")


@pytest.mark.parametrize(
    "timezone_id", ["America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland", "UTC"]
)
def test_times_are_right_in_every_time_zone(
    open_tab: OpenTab, market: str, timezone_id: str
) -> None:
    """Axis, crosshair, readout and notes are in the viewer's zone; the URL is in UTC."""
    tab = open_tab(f"{market}?interval=1h&range=3d&{CANDLES_ONLY}", timezone_id=timezone_id)
    page, zone = tab.page, ZoneInfo(timezone_id)
    wait_for_chart(page)
    chart = read_chart(page)
    newest = floor_ms(now_ms(), HOUR_MS)
    assert newest - HOUR_MS <= chart["range"][1] - 2.5 * HOUR_MS <= newest + 2 * HOUR_MS
    low, high = page.evaluate(
        f"""() => {{
            const {{ low, high }} = {PANEL}.loaded.columns;
            const [lows, highs] = [low, high].map(one => one.slice(-{chart["candles"]}));
            return [Math.min(...lows), Math.max(...highs)];
        }}"""
    )
    assert chart["prices"][0] <= low < high <= chart["prices"][1], "fitted to all candles in view"
    # The first candle of a day has the day as its label, by the weights that the axis draws.
    days = page.evaluate(
        f"""() => {PANEL}.loaded.times.map(time => time)
            .reduce((found, time, index, all) => {{
                const [day, before] = [time, all[index - 1] ?? time]
                    .map(one => {PANEL}.zone.toClock(one).getUTCDate());
                return day === before ? found : [...found, time];
            }}, [])"""
    )
    # A gap may lie over midnight.
    expected = [
        time
        for before, time in pairwise(page.evaluate(f"{PANEL}.loaded.times.map(time => time)"))
        if _clock(time, zone).date() != _clock(before, zone).date()
    ]
    assert days == expected and len(days) >= 3
    box = page.locator(".candle-chart .stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 300, box["y"] + 150)
    hovered = page.evaluate(
        f"{PANEL}.loaded.times[{PANEL}.grid.rows[Math.round("
        f"{PANEL}.timeScale.coordinateToLogical(300))]]"
    )
    label = "UTC" if timezone_id == "UTC" else f"{timezone_id.split('/')[1].replace('_', ' ')} time"
    text = f"{_clock(hovered, zone):%a %d %b %Y %H:%M} {label}"
    expect(page.locator(".candle-chart .readout", has_text=text)).to_have_count(1)
    first = page.evaluate(f"{PANEL}.loaded.times.find(time => time >= {chart['range'][0]})")
    expect(page.get_by_text(f"{_clock(first, zone):%d %b %Y %H:%M} to")).to_be_visible()
    turn_wheel(page, -4)
    wait_for_narrower_view(page, chart["range"])
    wait_for_view_in_url(page)
    zoomed = read_chart(page)["range"]
    view = re.search(r"view=(\d+)-(\d+)", page.url)
    assert view is not None
    assert [int(seconds) * 1000 for seconds in view.groups()] == pytest.approx(zoomed, abs=1000)
    assert list_errors(tab) == []


def _clock(ms: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone)


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("America/Los_Angeles", ["2025-11-01T07:00", "2025-11-02T07:00", "2025-11-03T08:00"]),
        ("Pacific/Auckland", ["2025-09-26T12:00", "2025-09-27T12:00", "2025-09-28T11:00"]),
        ("Asia/Kolkata", ["2025-11-01T18:30", "2025-11-02T18:30", "2025-11-03T18:30"]),
    ],
)
def test_days_begin_at_midnight_of_the_zone_when_clocks_change(
    open_tab: OpenTab, market: str, zone: str, days: list[str]
) -> None:
    """The axis asks for the weight of each half hour around a change: 50 begins a day."""
    page = open_tab(f"{market}?interval=1h&tz={zone}&{CANDLES_ONLY}").page
    wait_for_chart(page)
    first = int(datetime.fromisoformat(f"{days[0]}+00:00").timestamp())
    seconds = [first - 7200 + half * 1800 for half in range(2 * 56)]
    found = page.evaluate(
        f"""seconds => {{
            const points = seconds.map(originalTime => ({{ originalTime }}));
            {PANEL}.chart.horzBehaviour().fillWeightsForPoints(points, 0);
            return points.slice(1).filter(point => point.timeWeight >= 50)
                .map(point => new Date(point.originalTime * 1000).toISOString().slice(0, 16));
        }}""",
        seconds,
    )
    assert found == days


def test_the_chosen_time_zone_is_in_the_url_and_kept_by_the_browser(
    open_tab: OpenTab, market: str
) -> None:
    tab = open_tab(f"{market}?{CANDLES_ONLY}", timezone_id="America/Los_Angeles")
    page = tab.page
    wait_for_chart(page)
    expect(page.get_by_text(re.compile("candles of .* Los Angeles time"))).to_be_visible()
    page.locator(".candle-chart .zone").select_option("Asia/Kolkata")
    page.wait_for_url(re.compile("tz=Asia"))
    expect(page.get_by_text(re.compile("candles of .* Kolkata time"))).to_be_visible()
    page.goto(f"{market}?{CANDLES_ONLY}")  # without a zone
    page.wait_for_url(re.compile("tz=Asia"))
    expect(page.get_by_text(re.compile("candles of .* Kolkata time"))).to_be_visible()
    page.goto(f"{market}?tz=Mars/X&{CANDLES_ONLY}")
    expect(page.get_by_text("is unknown: write UTC, local, exchange")).to_be_visible()
    expect(page.get_by_text(re.compile("candles of .* Los Angeles time"))).to_be_visible()
    assert "tz=Mars/X" in page.url, "the address keeps what is not valid"
    page.locator(".candle-chart .zone").select_option("UTC")
    page.wait_for_url(re.compile("tz=UTC"))
    expect(page.get_by_text("is unknown: write UTC, local, exchange")).to_have_count(0)
    page.locator(".candle-chart .zone").select_option("local")
    page.wait_for_url(lambda url: "tz=" not in url)
    expect(page.get_by_text(re.compile("candles of .* Los Angeles time"))).to_be_visible()
    assert list_errors(tab) == []


def test_new_candles_appear_and_the_view_stays(open_tab: OpenTab, tmp_path: Path) -> None:
    until = floor_ms(now_ms(), MINUTE_MS) - 5 * MINUTE_MS
    home = tmp_path / "home"
    warehouse = make_home(home, ("BTCUSDT",))
    load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(until - DAY_MS, until)))
    with serving(home, tmp_path / "app.log") as address:
        tab = open_tab(f"{address}/analytics?interval=1m&range=6h&{CANDLES_ONLY}")
        page = tab.page
        expect(page.get_by_text("360 candles of 1m")).to_be_visible()
        wait_for_chart(page)
        before = read_chart(page)
        turn_wheel(page, -4)
        wait_for_narrower_view(page, before["range"])
        wait_for_view_in_url(page)
        zoomed = read_chart(page)
        load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(until, until + 3 * MINUTE_MS)))
        newest = until + 2 * MINUTE_MS
        wait_for_script(page, f"newest => {PANEL}.loaded.times.at(-1) >= newest", newest)
        after = read_chart(page)
        assert after["range"] == pytest.approx(zoomed["range"], abs=1000), "ms"
        assert page.evaluate(f"{PANEL}.content.last[0]") >= newest
        assert list_errors(tab) == []
