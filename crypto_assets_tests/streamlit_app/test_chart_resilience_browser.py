"""The candle chart where the browser, another tab or the screen is not as it expects."""

import re

import pytest
from playwright.sync_api import Route, expect

from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.streamlit_app.page_checks import SCHEMES, Scheme, list_errors
from crypto_assets_tests.streamlit_app.test_colors import THEME, contrast
from crypto_assets_tests.streamlit_app.test_zoom_browser import wait_for_chart
from streamlit_app.colors import LINE_COLORS


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
