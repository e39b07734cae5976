"""The candle chart where the browser, another tab or the screen is not as it expects."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from crypto_assets_tests.services.chromium import OpenTab, wait_for_script
from crypto_assets_tests.streamlit_app.page_checks import SCHEMES, Scheme, list_errors
from crypto_assets_tests.streamlit_app.test_colors import THEME, contrast
from crypto_assets_tests.streamlit_app.test_drawings_browser import (
    TOOLS,
    choose_tool,
    click_chart,
    drag_drawing,
    find_corner,
)
from crypto_assets_tests.streamlit_app.test_zoom_browser import CANDLES_ONLY, PANEL, wait_for_chart
from streamlit_app.colors import LINE_COLORS

_HOSTILE_HEIGHTS = (
    '[["price","x"],["volume",null]]',
    '[["price",-5],["volume",0],["rsi",1e308]]',
    '[["price",1e-9],["volume",1e9]]',
    "[1, null, []]",
    '{"price": 1}',
    "null",
    "[",
)


def test_charts_are_drawn_after_their_scripts_could_not_be_loaded(
    open_tab: OpenTab, market: str
) -> None:
    page = open_tab("about:blank").page
    refused: set[str] = set()

    def refuse_once(route: Route) -> None:
        name = route.request.url.rsplit("/", 1)[-1]
        if name in refused:
            route.continue_()
        else:
            refused.add(name)
            route.abort()

    scripts = re.compile(r"/(series|lightweight-charts-[\d.]+|plotly-[\d.]+min)\.js$")
    page.route(scripts, refuse_once)
    page.goto(f"{market}?interval=1h&range=3d")
    wait_for_chart(page)
    expect(page.locator(".live-chart .main-svg").first).to_be_attached()
    assert len(refused) == 3


def test_stored_pane_heights_that_hide_a_pane_are_ignored(open_tab: OpenTab, market: str) -> None:
    tab = open_tab(f"{market}?interval=1h&range=3d")
    page = tab.page
    wait_for_chart(page)
    for text in _HOSTILE_HEIGHTS:
        page.evaluate("text => localStorage.setItem('crypto-assets.pane-heights', text)", text)
        page.reload()
        wait_for_chart(page)
        heights = page.evaluate(f"{PANEL}.chart.panes().map(pane => pane.getHeight())")
        assert min(heights) >= 50, text
    assert list_errors(tab) == []


def test_everything_works_while_the_browser_has_no_space_left(
    open_tab: OpenTab, market: str
) -> None:
    tab = open_tab(f"{market}?interval=1h&range=3d&{CANDLES_ONLY}")
    page = tab.page
    wait_for_chart(page)
    _draw_line(page)
    page.evaluate(
        """() => {
            for (let size = 2 ** 22; size >= 1; size /= 2) {
                try {
                    while (true) localStorage.setItem(`fill ${Math.random()}`, "x".repeat(size))
                } catch (error) {
                    if (error.name !== "QuotaExceededError") throw error
                }
            }
        }"""
    )
    page.get_by_role("button", name="Hide drawings").click()
    assert page.evaluate(f"{TOOLS}.list()") == []
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    wait_for_script(page, f"{PANEL}.zone.name === 'Asia/Tokyo'")
    page.get_by_role("button", name="More intervals").click()
    star = page.get_by_role("button", name="12h is a favorite")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    assert list_errors(tab) == []


def _draw_line(page: Page) -> None:
    choose_tool(page, "Horizontal line")
    click_chart(page, (300, 150))
    assert len(page.evaluate(f"{TOOLS}.list()")) == 1


def test_a_move_does_not_restore_what_another_tab_has_removed(
    open_tab: OpenTab, market: str
) -> None:
    tab = open_tab(f"{market}?interval=1h&range=3d&{CANDLES_ONLY}")
    page, other = tab.page, tab.page.context.new_page()
    other.goto(page.url)
    for each in (page, other):
        wait_for_chart(each)
    _draw_line(page)
    drag_drawing(page, (500, 150), (500, 200), release=False)
    wait_for_script(other, f"{TOOLS}.list().length === 1")
    other.evaluate(f"{TOOLS}.removeAll()")
    wait_for_script(page, f"{TOOLS}.list().length === 0")
    page.mouse.up()
    assert page.evaluate(f"{TOOLS}.list()") == []
    _draw_line(page)
    other.evaluate("localStorage.clear()")
    wait_for_script(page, f"{TOOLS}.list().length === 0")
    assert list_errors(tab) == []


def test_a_drawing_does_not_jump_when_older_candles_arrive_during_its_move(
    open_tab: OpenTab, market: str
) -> None:
    tab = open_tab(f"{market}?symbol=ETHUSDT&interval=1m&range=6h&{CANDLES_ONLY}")
    page = tab.page
    wait_for_chart(page)
    choose_tool(page, "Trend line")
    click_chart(page, (300, 150), (500, 250))
    (drawing,) = page.evaluate(f"{TOOLS}.list()")
    left, top = find_corner(page)
    page.mouse.move(left + 400, top + 200)
    page.mouse.down()
    view = page.evaluate(f"{PANEL}.readVisibleTimes()")
    first = page.evaluate(f"{PANEL}.loaded.times[0]")
    page.evaluate(f"{PANEL}.pan(-1)")
    wait_for_script(page, f"first => {PANEL}.loaded.times[0] < first", first)
    page.evaluate(f"view => {PANEL}.show(view)", view)
    left, top = find_corner(page)
    page.mouse.move(left + 400, top + 210)
    page.mouse.up()
    (moved,) = page.evaluate(f"{TOOLS}.list()")
    for (time, price), (moved_time, moved_price) in zip(
        drawing["points"], moved["points"], strict=True
    ):
        assert abs(moved_time - time) <= 120_000
        assert moved_price < price
    assert list_errors(tab) == []


def test_full_screen_ends_when_the_page_opens_something(open_tab: OpenTab, market: str) -> None:
    tab = open_tab(f"{market}?interval=1h&range=3d")
    page = tab.page
    wait_for_chart(page)
    page.get_by_role("button", name="Full screen").click()
    wait_for_script(page, "!!document.fullscreenElement")
    page.locator(".candle-chart .readout .entry", has_text="RSI").hover()
    page.get_by_role("button", name=re.compile("^Settings of RSI")).click()
    expect(page.get_by_role("dialog")).to_contain_text("Indicator settings")
    assert page.evaluate("document.fullscreenElement") is None
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Full screen").click()
    wait_for_script(page, "!!document.fullscreenElement")
    page.keyboard.press("e")
    wait_for_script(page, "!document.fullscreenElement")
    wait_for_script(page, "document.activeElement.matches('[class*=st-key-symbol] input')")
    assert list_errors(tab) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_legend_is_readable(open_tab: OpenTab, market: str, scheme: Scheme) -> None:
    averages = "&".join(
        f"ema.{number}=true&ema.{number}_period={number}&ema.{number}.color={name}"
        for number, name in enumerate(LINE_COLORS, 2)
    )
    tab = open_tab(f"{market}?interval=1h&range=3d&{averages}", color_scheme=scheme)
    wait_for_chart(tab.page)
    colors = tab.page.evaluate(
        """() => {
            const context = document.createElement("canvas").getContext("2d");
            const parts = document.querySelectorAll(".candle-chart .readout :is(b, .value)");
            return [...parts].map(part => {
                context.fillStyle = getComputedStyle(part).color;
                context.fillRect(0, 0, 1, 1);
                const channels = [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
                return "#" + channels.map(one => one.toString(16).padStart(2, "0")).join("");
            });
        }"""
    )
    assert len(set(colors)) >= len(LINE_COLORS) + 1
    background = THEME[scheme]["backgroundColor"]
    assert min(contrast(color, background) for color in colors) >= 4.5, "WCAG 2.2, 1.4.3"
    assert list_errors(tab) == []
