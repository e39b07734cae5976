"""Markers, alerts, keyboard, and further parts of the candle chart in a real browser."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from playwright.sync_api import Page, expect

from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.price_alerts import Comparison, PriceAlertRule
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from crypto_assets_tests.reports.stock import generated, hole_before, load
from crypto_assets_tests.services.chromium import OpenTab, wait_for_script
from crypto_assets_tests.streamlit_app.conftest import make_home, serving
from crypto_assets_tests.streamlit_app.gestures import unlock_address
from crypto_assets_tests.streamlit_app.page_checks import list_errors, wait_for_view_in_url
from crypto_assets_tests.streamlit_app.test_zoom_browser import CANDLES_ONLY, PANEL, wait_for_chart

ZONES = ("America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland", "UTC")
SYMBOL = "BTCUSDT"


@dataclass(frozen=True)
class EventfulMarket:
    """The app with an outage, a gap that is not explained, a revised minute, and an alert."""

    address: str
    warehouse: Warehouse
    until: int
    outage: Window
    revised: int

    @property
    def chart(self) -> str:
        return f"{self.address}/analytics?interval=1h&range=3d&{CANDLES_ONLY}"


@pytest.fixture(scope="module")
def eventful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventfulMarket]:
    home = tmp_path_factory.mktemp("eventful")
    warehouse = make_home(home, (SYMBOL, "ETHUSDT"))
    until = floor_ms(now_ms(), HOUR_MS) + 2 * MINUTE_MS
    window = Window(until - 4 * DAY_MS, until)
    outage, missing = hole_before(until, 24, 150), hole_before(until, 40, 60)
    candles = generated(SYMBOL, window, [outage, missing])
    load(warehouse, SYMBOL, candles)
    load(warehouse, "ETHUSDT", generated("ETHUSDT", window))
    revised = floor_ms(until, HOUR_MS) - 10 * HOUR_MS + 20 * MINUTE_MS
    _revise(warehouse, candles, revised)
    warehouse.gap_ledger.refresh_gaps(SYMBOL, window)
    warehouse.gap_ledger.classify_gap(SYMBOL, outage.start_ms, GapClass.OUTAGE, "none on REST")
    close = candles["close"][-1].as_py()
    rule = PriceAlertRule(SYMBOL, Interval.H1, Comparison.CROSSES_ABOVE, round(close, 0))
    warehouse.price_alerts.add_rule(rule, until, "tester")
    log = home / "app.log"
    with serving(home, log) as address:
        yield EventfulMarket(address, warehouse, until, outage, revised)
    warehouse.close()
    assert "Traceback" not in log.read_text()


def _revise(warehouse: Warehouse, candles: pa.Table, open_time: int) -> None:
    """Load another close of a minute, as the archive of its day would."""
    row = candles.filter(pa.compute.equal(candles["open_time"], open_time))
    close = pa.array([row["low"][0].as_py()], row["close"].type)
    item = LakeObject(
        bucket="raw",
        key="revised_klines_archive.json",
        symbol=SYMBOL,
        kind=ObjectKind.KLINES,
        source=Source.ARCHIVE,
        first_time=open_time,
        last_time=open_time,
        rows=1,
        size_bytes=150,
        sha256="revised",
        fetched_at=now_ms(),
    )
    warehouse.lake_objects.record_objects([item])
    index = row.column_names.index("close")
    warehouse.facts.load_objects(SYMBOL, [(item, row.set_column(index, "close", close))])


def format_clock(ms: float, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone):%a %d %b %Y %H:%M}"


def hover_marker(page: Page, kind: str) -> None:
    """Move the mouse to the marker of a kind."""
    wait_for_script(page, f"{PANEL}.markers.groups.some(group => group.kind === '{kind}')")
    x, y = page.evaluate(
        f"""() => {{
            const group = {PANEL}.markers.groups.find(group => group.kind === '{kind}');
            return [group.x, {PANEL}.markers.y];
        }}"""
    )
    box = page.locator(".candle-chart .stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + x - 2, box["y"] + y)
    page.mouse.move(box["x"] + x, box["y"] + y)


@pytest.mark.parametrize("timezone_id", ZONES)
def test_markers_and_dates_are_in_the_zone_of_the_chart(
    open_tab: OpenTab, eventful: EventfulMarket, timezone_id: str
) -> None:
    tab, zone = open_tab(eventful.chart, timezone_id=timezone_id), ZoneInfo(timezone_id)
    page, note = tab.page, tab.page.locator(".candle-chart .marker-note")
    wait_for_chart(page)
    hover_marker(page, "outage")
    outage = eventful.outage
    ends = f"{format_clock(outage.start_ms, zone)} to {format_clock(outage.end_ms, zone)}"
    expect(note).to_contain_text(f"Outage {ends}")
    expect(note).to_contain_text("150 minutes missing: none on REST")
    hover_marker(page, "missing")
    expect(note).to_contain_text("Missing, will be requested again")
    hover_marker(page, "revision")
    expect(note).to_contain_text(f"Revised {format_clock(eventful.revised, zone)}")
    expect(note).to_contain_text("(rest, then archive)")
    page.locator(".st-key-toolbar").hover()
    expect(note).to_be_hidden()
    wanted = floor_ms(eventful.until, HOUR_MS) - 60 * HOUR_MS + 30 * MINUTE_MS
    page.locator(".candle-chart .go").click()
    form = page.locator(".candle-chart .go-to")
    label = "UTC" if timezone_id == "UTC" else f"{zone.key.split('/')[1].replace('_', ' ')} time"
    expect(form).to_contain_text(label)
    form.locator("input").fill(f"{datetime.fromtimestamp(wanted / 1000, zone):%Y-%m-%dT%H:%M}")
    form.get_by_role("button", name="Go").click()
    wait_for_view_in_url(page)
    first, last = page.evaluate(f"{PANEL}.readVisibleTimes()")
    assert (first + last) / 2 == pytest.approx(wanted, abs=MINUTE_MS)
    assert list_errors(tab) == []


def test_markers_can_be_hidden_by_button_and_address(
    open_tab: OpenTab, eventful: EventfulMarket
) -> None:
    tab = open_tab(eventful.chart)
    page, button = tab.page, tab.page.locator(".candle-chart .markers")
    wait_for_chart(page)
    expect(button).to_have_attribute("aria-pressed", "true")
    wait_for_script(page, f"{PANEL}.markers.groups.length >= 3")
    button.click()
    wait_for_script(page, f"{PANEL}.markers.groups.length === 0")
    page.wait_for_url(re.compile("markers=false"))
    page.reload()
    wait_for_chart(page)
    expect(button).to_have_attribute("aria-pressed", "false")
    wait_for_script(page, f"{PANEL}.chosenMarkers == null && {PANEL}.markers.groups.length === 0")
    button.click()
    page.wait_for_url(lambda url: "markers" not in url)
    wait_for_script(page, f"{PANEL}.markers.groups.length >= 3")
    assert list_errors(tab) == []


def read_alert_titles(page: Page) -> list[str]:
    lines = f"{PANEL}.seriesSet.alertLines.lines.map(({{ line }}) => line.options().title)"
    return list(page.evaluate(lines))


def report_alert(page: Page, price: str) -> None:
    """Send what a browser sends that has another script."""
    page.evaluate(
        "([panel, price]) => panel.component.setTriggerValue('alert', { price })",
        [page.evaluate_handle(PANEL), price],
    )


def test_an_operator_sets_an_alert_on_the_chart_and_a_viewer_sees_it(
    open_tab: OpenTab, eventful: EventfulMarket
) -> None:
    viewer = open_tab(eventful.chart)
    wait_for_chart(viewer.page)
    (title,) = read_alert_titles(viewer.page)
    assert re.fullmatch(r"crosses above [\d,]+, 1h", title)
    stage = viewer.page.locator(".candle-chart .stage")
    stage.click(button="right", position={"x": 300, "y": 120})
    menu = viewer.page.locator(".candle-chart .add-alert")
    expect(menu).to_be_disabled()
    expect(viewer.page.get_by_text("Unlock the app to add alerts.")).to_be_visible()
    report_alert(viewer.page, "100")
    query = eventful.chart.split("/analytics")[1]
    tab = open_tab(unlock_address(eventful.address, f"analytics{query}"))
    page = tab.page
    wait_for_chart(page)
    for price in ("nan", "", "1e400", "-1", "9" * 50):
        report_alert(page, price)
    high, low = (
        page.evaluate(f"{PANEL}.seriesSet.main.coordinateToPrice({y})") for y in (118, 122)
    )
    page.locator(".candle-chart .stage").click(button="right", position={"x": 300, "y": 120})
    add = page.locator(".candle-chart .add-alert")
    expect(add).to_have_text(re.compile(r"Alert at [\d,]+\.\d\d\u2026"))
    price = float(re.sub(r"[^\d.]", "", add.inner_text()))
    assert low < price < high
    add.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Level")).to_have_value(f"{price:.2f}")
    dialog.get_by_role("button", name="Add alert").click()
    expect(dialog).to_have_count(0)
    wait_for_script(page, f"{PANEL}.seriesSet.alertLines.lines.length === 2")
    rules = [stored.rule for stored in eventful.warehouse.price_alerts.list_rules()]
    assert (rules[-1].symbol, rules[-1].interval) == (SYMBOL, Interval.H1)
    assert rules[-1].level == Decimal(f"{price:.2f}")
    # In percent, a level is drawn at its change since the first visible candle.
    page.locator(".candle-chart .percent").click()
    ratio = f"{PANEL}.seriesSet.alertLines.lines[1].line.options().price"
    base = page.evaluate(f"{PANEL}.seriesSet.findBase('close')")
    assert page.evaluate(ratio) == pytest.approx(price / base - 1, abs=1e-6)
    expect(viewer.page.get_by_role("dialog")).to_have_count(0)
    assert list_errors(tab) == list_errors(viewer) == []


def test_the_keyboard_moves_the_chart_and_searches_a_symbol(
    open_tab: OpenTab, eventful: EventfulMarket
) -> None:
    tab = open_tab(eventful.chart)
    page = tab.page
    wait_for_chart(page)
    range_of = f"{PANEL}.timeScale.getVisibleLogicalRange()"

    def press(key: str) -> tuple[float, float]:
        page.keyboard.press(key)
        page.evaluate("new Promise(requestAnimationFrame)")
        found = page.evaluate(range_of)
        return found["from"], found["to"]

    home = page.evaluate(range_of)
    left = press("ArrowLeft")
    assert left[0] < home["from"] and left[1] < home["to"]
    expect(page.locator(".candle-chart [role=status].for-screen-readers")).to_contain_text("Shows")
    narrow = press("+")
    assert narrow[1] - narrow[0] < left[1] - left[0]
    wide = press("-")
    assert wide[1] - wide[0] > narrow[1] - narrow[0]
    assert press("Alt+r") == pytest.approx((home["from"], home["to"]))
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(keys).to_contain_text("Search a symbol")
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.keyboard.press("e")
    page.keyboard.type("th")
    expect(page.get_by_role("combobox", name="Symbol")).to_have_value("eth")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("symbol=ETHUSDT"))
    # In an input, keys are text.
    before = page.evaluate(range_of)
    page.get_by_role("button", name="Indicators").first.click()
    page.get_by_role("combobox", name="Add an indicator").press_sequentially("a-?")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(range_of) == before
    expect(keys).to_be_hidden()
    assert list_errors(tab) == []


def test_intervals_heights_and_settings_are_kept(
    open_tab: OpenTab, eventful: EventfulMarket
) -> None:
    tab = open_tab(f"{eventful.address}/analytics?interval=1h&range=3d")
    page, picker = tab.page, tab.page.locator(".interval-picker")
    wait_for_chart(page)
    favorites = picker.locator(".favorites .choose")
    expect(favorites).to_have_text(["1m", "5m", "1h", "4h", "1d"])
    picker.get_by_role("button", name="More intervals").click()
    picker.get_by_role("button", name="30m is a favorite").click()
    picker.locator(".interval-menu [data-action=choose][data-interval='15m']").click()
    page.wait_for_url(re.compile("interval=15m"))
    expect(favorites).to_have_text(["1m", "5m", "15m", "30m", "1h", "4h", "1d"])
    wait_for_script(page, f"{PANEL}.content.interval === '15m'")
    _drag_separator(page, -60)
    heights = "document.querySelector('.candle-chart').panel.chart.panes().map(p => p.getHeight())"
    dragged = page.evaluate(heights)
    page.goto(f"{eventful.address}/analytics?interval=1h&range=3d")
    wait_for_chart(page)
    expect(favorites).to_have_text(["1m", "5m", "30m", "1h", "4h", "1d"])
    assert page.evaluate(heights) == pytest.approx(dragged, abs=3)
    entry = page.locator(".candle-chart .entry", has_text="EMA 20")
    entry.hover()
    entry.get_by_role("button", name="Settings of EMA 20").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("spinbutton", name="Period").fill("50")
    page.keyboard.press("Tab")
    dialog.get_by_role("button", name="Apply").click()
    page.wait_for_url(re.compile("ema_period=50"))
    expect(page.locator(".candle-chart .entry", has_text="EMA 50")).to_have_count(1)
    expect(dialog).to_have_count(0)
    assert list_errors(tab) == []


def _drag_separator(page: Page, distance: int) -> None:
    """Drag the line below the price pane, and wait until the pane has another height."""
    height = page.evaluate(f"{PANEL}.chart.panes()[0].getHeight()")
    box = page.locator(".candle-chart .stage").bounding_box()
    assert box is not None
    x, y = box["x"] + 300, box["y"] + height + 0.5
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + distance / 2)
    page.mouse.move(x, y + distance)
    page.mouse.up()
    wait_for_script(page, f"{PANEL}.chart.panes()[0].getHeight() < {height} - 20")


def test_a_gap_that_is_filled_is_no_longer_marked(
    open_tab: OpenTab, eventful: EventfulMarket
) -> None:
    """Last in this file: it changes the data."""
    tab = open_tab(eventful.chart)
    page = tab.page
    wait_for_chart(page)
    gaps = f"{PANEL}.loaded.gaps.length"
    before = page.evaluate(gaps)
    load(eventful.warehouse, SYMBOL, generated(SYMBOL, eventful.outage))
    eventful.warehouse.gap_ledger.refresh_gaps(
        SYMBOL, Window(eventful.until - 4 * DAY_MS, eventful.until)
    )
    wait_for_script(page, f"{gaps} === {before - 1}")
    wait_for_script(page, f"!{PANEL}.markers.groups.some(group => group.kind === 'outage')")
    assert list_errors(tab) == []


def test_a_pane_shades_its_gaps_once_after_many_changes(open_tab: OpenTab, market: str) -> None:
    """The first pane stays when the chart is drawn again, and had kept the shades of before."""
    tab = open_tab(f"{market}?interval=1h&range=3d&{CANDLES_ONLY}")
    wait_for_chart(tab.page)
    drawn, expected = tab.page.evaluate(
        f"""async () => {{
            const panel = {PANEL};
            for (const type of ["bars", "line", "candles"]) {{
                panel.data.type = type;
                panel.draw();
            }}
            const shades = panel.seriesSet.primitives.map(([, one]) => one)
                .filter(one => one !== panel.markers);
            const prototype = Object.getPrototypeOf(shades[0]);
            const [draw, drawn] = [prototype.draw, new Set()];
            prototype.draw = function (target) {{
                drawn.add(this);
                return draw.call(this, target);
            }};
            panel.markers.requestUpdate();
            await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
            prototype.draw = draw;
            return [drawn.size, shades.length];
        }}"""
    )
    assert drawn == expected == 2, "prices and volume"
    assert list_errors(tab) == []
