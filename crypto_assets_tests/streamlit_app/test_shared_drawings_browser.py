"""Drawings of several browsers: two tabs of operators, and a viewer's, which are saved later."""

import json

from playwright.sync_api import Page, expect

from crypto_assets.market.chart_drawings import MAX_DRAWINGS, ChartDrawing, DrawingKind
from crypto_assets_tests.services.chromium import OpenTab, wait_for_script
from crypto_assets_tests.streamlit_app.drawings import (
    SHARED,
    STORE,
    TOOLS,
    VIEWED,
    DrawnHome,
    choose_tool,
    click_chart,
    drawn,
    open_as_operator,
    recolor,
    recolor_unsaved,
    wait_until_saved,
    wait_until_settled,
)
from crypto_assets_tests.streamlit_app.gestures import unlock_address
from crypto_assets_tests.streamlit_app.page_checks import list_errors
from crypto_assets_tests.streamlit_app.test_zoom_browser import PANEL

__all__ = ["drawn"]

LINE = ChartDrawing("0f3a9c21d4e5b687", DrawingKind.HORIZONTAL, "#2962ff", ((0, 1.5),))


def test_two_tabs_lose_no_drawing_and_too_many_are_refused(
    open_tab: OpenTab, drawn: DrawnHome
) -> None:
    tab = open_as_operator(open_tab, drawn, SHARED)
    page, other = tab.page, tab.page.context.new_page()
    other.goto(f"{drawn.address}/{drawn.format_address(SHARED)}")
    wait_until_settled(other)
    for each, y in ((page, 120), (other, 200)):
        choose_tool(each, "Horizontal line")
        click_chart(each, (400, y))
    for each in (page, other):
        wait_for_script(each, f"!{STORE}.sent && {STORE}.stored.size >= 1")
    assert len(drawn.list_drawings(SHARED)) == 2
    recolor(other, "#00ff00")
    wait_until_saved(other, 2)  # It has the line of the first tab now.
    first = find_place(other, "#2962ff")
    click_chart(other, (500, first["y"]))
    wait_for_script(other, f"{TOOLS}.selected?.color === '#2962ff'")
    recolor(other, "#ff0000")
    assert list_colors(drawn) == ["#00ff00", "#ff0000"]
    recolor(page, "#ffff00")  # The first tab has not seen the change.
    assert list_colors(drawn) == ["#00ff00", "#ffff00"]
    # Changes wait for a warehouse that cannot be read, when an error is in the chart's place.
    away = drawn.file.rename(drawn.file.with_suffix(".away"))
    recolor_unsaved(page, "#00ffff")
    expect(page.locator(".candle-chart")).to_have_count(0)
    away.rename(drawn.file)
    wait_until_settled(page)
    wait_until_saved(page, 2)
    assert list_colors(drawn) == ["#00ff00", "#00ffff"]
    more = [
        ChartDrawing(f"{number:016x}", DrawingKind.HORIZONTAL, "#2962ff", ((0, 1.0),))
        for number in range(MAX_DRAWINGS - 2)
    ]
    drawn.warehouse.chart_drawings.save_drawings(SHARED, more, "test")
    # The tab does not know them yet.
    page.evaluate(f"{TOOLS}.tool = 'trend'")
    click_chart(page, (400, 140), (500, 150))
    note = page.locator(".candle-chart .drawing-note")
    expect(note).to_contain_text("DOGEUSDT has 200 drawings: remove one first.")
    wait_until_saved(page, MAX_DRAWINGS)
    choose_tool(page, "Rectangle")
    expect(note).to_contain_text("DOGEUSDT has 200 drawings: remove one first.")
    assert page.evaluate(f"{TOOLS}.tool") is None
    assert len(drawn.list_drawings(SHARED)) == MAX_DRAWINGS
    assert list_errors(tab) == []


def find_place(page: Page, color: str) -> dict[str, float]:
    """Return where the drawing of a color is, which depends on the scale of the tab."""
    drawing = f"{TOOLS}.list().find(one => one.color === color)"
    place: dict[str, float] = page.evaluate(f"color => {TOOLS}.toPlace({drawing}.points[0])", color)
    return place


def list_colors(drawn: DrawnHome) -> list[str]:
    return sorted(drawing.color for drawing in drawn.list_drawings(SHARED))


def test_a_viewers_drawings_stay_in_the_browser_until_an_operator_saves_them(
    open_tab: OpenTab, drawn: DrawnHome
) -> None:
    tab = open_tab(f"{drawn.address}/{drawn.format_address(VIEWED)}")
    page = tab.page
    wait_until_settled(page)
    good = {"id": LINE.drawing_id, "kind": "horizontal", "color": "#2962ff", "points": [[0, 1.5]]}
    hostile = [
        good | {"id": "1f3a9c21", "points": [[0, None]]},
        good | {"id": "2f3a9c21", "points": [[1e300, 1]]},
        good | {"id": "3f3a9c21", "kind": "constructor"},
        good | {"id": "<img src=x>"},
        good | {"id": "4f3a9c21", "color": "url(//x)"},
        [],
        None,
        "x",
    ]
    for text, count in (
        (json.dumps([*hostile, good]), 1),
        (json.dumps([good | {"id": f"{n:016x}"} for n in range(1_000)]), MAX_DRAWINGS),
        (json.dumps([1] * 1_000_000), 0),
        ("[NaN", 0),
        ("{}", 0),
    ):
        page.evaluate(
            f"""text => {{
                const {{ key }} = {STORE};
                localStorage.setItem(key, text);
                window.dispatchEvent(new StorageEvent('storage', {{ key }}));  // As another tab.
            }}""",
            text,
        )
        assert len(page.evaluate(f"{TOOLS}.list()")) == count
    page.reload()
    wait_until_settled(page)
    assert page.evaluate(f"{TOOLS}.list()") == []
    choose_tool(page, "Horizontal line")
    note = page.locator(".candle-chart .drawing-note")
    expect(note).to_contain_text("It stays in this browser: unlock the app to save drawings.")
    click_chart(page, (300, 150))
    expect(note).to_contain_text("1 drawing is only in this browser: unlock the app")
    page.reload()
    wait_until_settled(page)
    (kept,) = page.evaluate(f"{TOOLS}.list()")
    for report, reason in (
        ({"batch": "forged", "symbol": VIEWED, "saved": [good], "removed": []}, "unlock the app"),
        ({"batch": "forged", "symbol": VIEWED, "saved": 1, "removed": None}, "unlock the app"),
        ({"batch": 1}, "unlock the app"),
    ):
        page.evaluate(f"report => {PANEL}.component.setTriggerValue('drawings', report)", report)
        wait_for_script(page, f"{PANEL}.data.drawings.answer.batch === 'forged'")
        assert reason in page.evaluate(f"{PANEL}.data.drawings.answer.problem")
    assert drawn.list_drawings(VIEWED) == []
    page.goto(unlock_address(drawn.address, drawn.format_address(VIEWED)))
    wait_until_settled(page)
    expect(note).to_contain_text("1 drawing is only in this browser.")
    note.get_by_role("button", name="Save").click()
    wait_until_saved(page, 1)
    (stored,) = drawn.list_drawings(VIEWED)
    assert [stored.drawing_id, *map(list, stored.points)] == [kept["id"], *kept["points"]]
    assert page.evaluate(f"localStorage.getItem({STORE}.key)") is None
    expect(note).to_be_hidden()
    assert list_errors(tab) == []
