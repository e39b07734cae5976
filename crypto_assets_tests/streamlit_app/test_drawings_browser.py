"""Drawings on the candle chart in a real browser: drawn, changed, kept, and right in every zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from crypto_assets.market.chart_drawings import ChartDrawing, DrawingKind
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS
from crypto_assets_tests.services.chromium import OpenTab, wait_for_script
from crypto_assets_tests.streamlit_app.drawings import (
    EDITED,
    STORE,
    TOOLS,
    TOUCHED,
    ZONES,
    DrawnHome,
    choose_tool,
    click_chart,
    drag_drawing,
    drawn,
    find_corner,
    open_as_operator,
    recolor,
    wait_until_saved,
    wait_until_settled,
)
from crypto_assets_tests.streamlit_app.gestures import (
    IS_NARROWER,
    draw_path,
    touch,
    touch_until,
    wait_until_at_rest,
)
from crypto_assets_tests.streamlit_app.page_checks import list_errors
from crypto_assets_tests.streamlit_app.test_every_page import list_accessibility_faults
from crypto_assets_tests.streamlit_app.test_zoom_browser import PANEL, wait_for_chart

__all__ = ["drawn"]


def read_places(page: Page) -> list[list[dict[str, float]]]:
    """Return where the points of the drawings are on the screen, the newest drawing last."""
    return list(
        page.evaluate(f"{TOOLS}.list().map(one => one.points.map(point => {TOOLS}.toPlace(point)))")
    )


@pytest.mark.parametrize("timezone_id", ZONES)
def test_drawings_stay_at_their_time_and_price(
    open_tab: OpenTab, drawn: DrawnHome, timezone_id: str
) -> None:
    """In each zone, on each scale, at other intervals, and beyond the newest candle."""
    symbol, zone = ZONES[timezone_id], ZoneInfo(timezone_id)
    tab = open_as_operator(open_tab, drawn, symbol, timezone_id=timezone_id)
    page = tab.page
    right = page.evaluate(f"{PANEL}.timeScale.width()") - 4
    prices = page.evaluate(f"[120, 200].map(y => {PANEL}.seriesSet.main.coordinateToPrice(y))")
    choose_tool(page, "Trend line")
    click_chart(page, (300, 120), (right, 200))
    wait_until_saved(page, 1)
    (line,) = drawn.list_drawings(symbol)
    (start, first), (end, second) = line.points
    assert [first, second] == pytest.approx(prices, rel=1e-9)
    newest = page.evaluate(f"{PANEL}.loaded.times.at(-1)")
    assert start % HOUR_MS == end % HOUR_MS == 0 and end > newest > start
    # The readout has the same time in the viewer's zone.
    left, top = find_corner(page)
    page.mouse.move(left + 300, top + 300)
    label = "UTC" if timezone_id == "UTC" else f"{timezone_id.split('/')[1].replace('_', ' ')} time"
    clock = datetime.fromtimestamp(start / 1000, UTC).astimezone(zone)
    readout = page.locator(".candle-chart .readout", has_text=f"{clock:%a %d %b %Y %H:%M} {label}")
    expect(readout).to_have_count(1)
    for scale in ("log", "percent"):
        page.locator(f".candle-chart .{scale}").click()
        assert_at(page, line, HOUR_MS)
    for interval, width in (("15m", 15 * MINUTE_MS), ("4h", 4 * HOUR_MS)):
        choice = page.locator(f".interval-picker [data-action=choose][data-interval='{interval}']")
        if not choice.first.is_visible():
            page.get_by_role("button", name="More intervals").click()
        choice.locator("visible=true").click()
        wait_for_script(page, f"{PANEL}.content.step === {width}")
        assert_at(page, line, width)
    page.reload()
    wait_for_chart(page)
    assert_at(page, line, width)
    assert list_errors(tab) == []


def assert_at(page: Page, drawing: ChartDrawing, width: int) -> None:
    """Compare a drawing's places with what the library says of them.

    Times may differ by half a period, whose `width` is in ms: the library knows whole ones.
    """
    wait_for_script(  # The base of percent follows in a later frame.
        page,
        f"{PANEL}.seriesSet.firstVisible"
        f" === Math.max(0, Math.ceil({PANEL}.timeScale.getVisibleLogicalRange().from))",
    )
    # In one step, since the library fits the price scale in a later frame.
    found = page.evaluate(
        f"""() => {{
            const {{ loaded, grid, timeScale, seriesSet, content }} = {PANEL};
            const [drawing] = {TOOLS}.list();
            const first = Math.max(0, Math.ceil(timeScale.getVisibleLogicalRange().from));
            const base = loaded.columns.close[grid.findRow(first)];
            const last = grid.times.length - 1;
            return drawing.points.map(point => {TOOLS}.toPlace(point)).map(({{ x, y }}) => {{
                const value = seriesSet.main.coordinateToPrice(y);
                const index = timeScale.coordinateToLogical(x);
                const time = index <= last ? grid.times[index]
                    : grid.times[last] + (index - last) * content.step;
                return [time, seriesSet.isPercent ? (value + 1) * base : value];
            }});
        }}"""
    )
    for (time, price), (found_time, found_price) in zip(drawing.points, found, strict=True):
        assert abs(found_time - time) <= width / 2
        assert found_price == pytest.approx(price, rel=1e-6)
    assert found == sorted(found), "left to right"


def count_pixels(page: Page, color: tuple[int, int, int]) -> int:
    """Count the pixels of about a color in the picture of the chart, as the page downloads it."""
    return int(
        page.evaluate(
            f"""color => {{
                const canvas = {PANEL}.chart.takeScreenshot(true, false);
                const {{ data }} = canvas.getContext('2d')
                    .getImageData(0, 0, canvas.width, canvas.height);
                let count = 0;
                for (let at = 0; at < data.length; at += 4) {{
                    if (color.every((value, n) => Math.abs(data[at + n] - value) < 30)) count++;
                }}
                return count;
            }}""",
            list(color),
        )
    )


def test_drawings_are_changed_hidden_and_removed(open_tab: OpenTab, drawn: DrawnHome) -> None:
    tab = open_as_operator(open_tab, drawn, EDITED)
    page = tab.page
    assert list_accessibility_faults(page) == []
    view = page.evaluate(f"{PANEL}.readVisibleTimes()")
    choose_tool(page, "Horizontal line")
    click_chart(page, (300, 260))
    wait_until_saved(page, 1)
    (line,) = drawn.list_drawings(EDITED)
    labels = page.evaluate(f"{TOOLS}.layer.priceAxisViews().map(label => label.text())")
    expected = page.evaluate(f"price => {TOOLS}.formatPrice(price)", line.points[0][1])
    assert labels == [expected]
    recolor(page, "#ff00ff")
    assert [one.color for one in drawn.list_drawings(EDITED)] == ["#ff00ff"]
    assert count_pixels(page, (255, 0, 255)) > 500, "a line over the chart, in its picture"

    choose_tool(page, "Rectangle")
    drag_drawing(page, (300, 120), (420, 200))
    wait_until_saved(page, 2)
    before = find_rectangle(drawn)
    drag_drawing(page, (360, 160), (460, 180))  # It is selected, so its inside moves it.
    wait_for_script(page, f"!{STORE}.moved && !{STORE}.sent")
    moved = find_rectangle(drawn)
    shifts = {end[0] - start[0] for start, end in zip(before.points, moved.points, strict=True)}
    assert len(shifts) == 1 and min(shifts) > 0 and not min(shifts) % HOUR_MS
    assert all(e[1] < s[1] for s, e in zip(before.points, moved.points, strict=True)), "down"
    corner = page.evaluate(f"{TOOLS}.toPlace({TOOLS}.selected.points[1])")
    drag_drawing(page, (corner["x"], corner["y"]), (corner["x"] + 90, corner["y"] + 40))
    wait_for_script(page, f"!{STORE}.moved && !{STORE}.sent")
    resized = find_rectangle(drawn)
    assert resized.points[0] == moved.points[0]
    assert resized.points[1][0] > moved.points[1][0] and resized.points[1][1] < moved.points[1][1]
    drag_drawing(page, (470, 200), (600, 300), release=False)
    assert page.evaluate(f"{STORE}.moved") is not None
    page.keyboard.press("Escape")
    page.mouse.up()
    assert page.evaluate(f"[{STORE}.moved, {STORE}.sent]") == [None, None]
    assert find_rectangle(drawn) == resized
    assert page.evaluate(f"{PANEL}.readVisibleTimes()") == view, "the chart has not scrolled"

    choose_tool(page, "Fibonacci retracement")
    click_chart(page, (600, 120))
    assert page.evaluate(f"{TOOLS}.draft.kind") == "fibonacci"
    page.keyboard.press("Escape")
    expect(page.locator(".candle-chart .drawing-note")).to_be_hidden()
    choose_tool(page, "Measure")
    drag_drawing(page, (300, 120), (600, 240))
    texts = page.evaluate(
        f"""async () => {{
            const folder = new URL({PANEL}.data.script, document.baseURI);
            const url = new URL("drawing_kinds.js", folder);
            const {{ describeMeasure }} = await import(url);
            const points = [[0, 100], [{HOUR_MS * 27}, 102.5]];
            return [describeMeasure(points, {PANEL}), {TOOLS}.measured.kind];
        }}"""
    )
    assert texts == [["+2.5000 (+2.50%)", "27 candles, 1d 3h"], "measure"]
    page.keyboard.press("Escape")
    assert len(drawn.list_drawings(EDITED)) == 2

    click_chart(page, (800, 260))  # the line
    assert page.evaluate(f"{TOOLS}.selectedId") == line.drawing_id
    elsewhere = page.get_by_role("button", name="Download").first
    elsewhere.focus()
    page.keyboard.press("Backspace")
    assert page.evaluate(f"{TOOLS}.selectedId") == line.drawing_id, "the key is for the button"
    elsewhere.blur()
    for key, kind in (
        ("]", "rectangle"),
        ("]", "horizontal"),
        ("[", "rectangle"),
        ("[", "horizontal"),
    ):
        page.keyboard.press(key)
        assert page.evaluate(f"{TOOLS}.selected.kind") == kind
    price = page.evaluate(f"{TOOLS}.formatPrice({line.points[0][1]})")
    expect(page.locator(".candle-chart [role=status].for-screen-readers")).to_have_text(
        f"Horizontal line at {price} selected"
    )
    page.keyboard.press("Delete")
    wait_until_saved(page, 1)
    assert [one.kind for one in drawn.list_drawings(EDITED)] == [DrawingKind.RECTANGLE]
    page.keyboard.press("Control+z")
    wait_until_saved(page, 2)
    assert len(drawn.list_drawings(EDITED)) == 2
    click_chart(page, (800, 260))
    page.get_by_role("button", name="Remove the drawing").click()
    wait_until_saved(page, 1)
    hide = page.get_by_role("button", name="Hide drawings")
    hide.click()
    expect(hide).to_have_attribute("aria-pressed", "true")
    assert page.evaluate(f"{TOOLS}.list()") == []
    page.reload()
    wait_until_settled(page)
    wait_until_saved(page, 1)
    assert page.evaluate(f"{TOOLS}.list()") == []
    hide.click()
    assert len(page.evaluate(f"{TOOLS}.list()")) == 1
    remove_all(page, "Cancel")
    assert len(page.evaluate(f"{TOOLS}.list()")) == 1
    remove_all(page, "Remove")
    wait_until_saved(page, 0)
    assert drawn.list_drawings(EDITED) == []
    assert list_errors(tab) == []


def find_rectangle(drawn: DrawnHome) -> ChartDrawing:
    (found,) = (one for one in drawn.list_drawings(EDITED) if one.kind is DrawingKind.RECTANGLE)
    return found


def remove_all(page: Page, answer: str) -> None:
    choose_tool(page, "Remove all drawings")
    dialog = page.get_by_role("dialog", name="Remove all drawings")
    expect(dialog).to_contain_text("Remove the only drawing on ADAUSDT?")
    dialog.get_by_role("button", name=answer).click()
    expect(dialog).to_be_hidden()


def test_a_phone_draws_by_touch(open_tab: OpenTab, drawn: DrawnHome) -> None:
    address = f"{drawn.address}/{drawn.format_address(TOUCHED)}"
    tab = open_tab(address, color_scheme="dark", timezone_id="America/Los_Angeles", is_phone=True)
    page = tab.page
    wait_until_settled(page)
    toolbar = page.get_by_role("toolbar", name="Drawing tools")
    expect(toolbar).to_be_hidden()
    page.get_by_role("button", name="Drawing tools").tap()
    expect(toolbar).to_be_visible()
    assert list_accessibility_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    toolbar.get_by_role("button", name="Rectangle").tap()
    expect(toolbar).to_be_hidden()
    view = page.evaluate(f"{PANEL}.readVisibleTimes()")
    page.evaluate("document.querySelector('.stage').scrollIntoView({ block: 'center' })")
    left, top = find_corner(page)
    for x, y in ((80, 150), (200, 200)):
        page.touchscreen.tap(left + x, top + y)
    (drawing,) = page.evaluate(f"{TOOLS}.list()")
    touch(page, draw_path((left + 140, top + 175), (left + 180, top + 215)))
    (moved,) = page.evaluate(f"{TOOLS}.list()")
    for (time, price), (moved_time, moved_price) in zip(
        drawing["points"], moved["points"], strict=True
    ):
        assert moved_time > time and moved_price < price
    assert page.evaluate(f"{PANEL}.readVisibleTimes()") == view
    assert find_corner(page) == (left, top), "nor has the page"

    # Two fingers zoom, also if one of them is on the selected drawing.
    on_drawing, beside = (left + 180, top + 215), (left + 290, top + 280)
    touch_until(
        page,
        IS_NARROWER,
        (view[1] - view[0]) * 0.9,
        draw_path(on_drawing, (on_drawing[0] - 50, on_drawing[1] - 40)),
        draw_path(beside, (beside[0] + 30, beside[1] + 40)),
    )
    zoomed = page.evaluate(f"{PANEL}.readVisibleTimes()")
    assert page.evaluate(f"{TOOLS}.list()") == [moved]

    # A finger scrolls over a drawing that is not selected, which a tap selects.
    page.touchscreen.tap(left + 20, top + 300)
    bar = page.locator(".candle-chart .drawing-bar")
    expect(bar).to_be_hidden()
    edge = page.evaluate(f"{TOOLS}.toPlace({TOOLS}.list()[0].points[1])")
    start = (left + edge["x"], top + edge["y"])
    is_later = f"time => {PANEL}.readVisibleTimes()[0] > time"
    touch_until(page, is_later, zoomed[0], draw_path(start, (start[0] - 60, start[1])))
    assert page.evaluate(f"{TOOLS}.list()") == [moved]
    expect(bar).to_be_hidden()
    wait_until_at_rest(page)
    edge = page.evaluate(f"{TOOLS}.toPlace({TOOLS}.list()[0].points[1])")
    page.touchscreen.tap(left + edge["x"], top + edge["y"])
    expect(bar).to_be_visible()
    bar.get_by_role("button", name="Remove the drawing").tap()
    assert page.evaluate(f"{TOOLS}.list()") == []
    assert list_errors(tab) == []
