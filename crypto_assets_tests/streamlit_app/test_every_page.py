"""Every page of the navigation in a real browser: sound, readable, narrow enough, accessible."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.streamlit_app.conftest import serving
from crypto_assets_tests.streamlit_app.screenshots import PARTS, UNFADED, Shot
from crypto_assets_tests.streamlit_app.seen import (
    PATIENCE_MS,
    SCHEMES,
    WIDTHS,
    Scheme,
    assert_rendered,
    complaints,
)
from crypto_assets_tests.streamlit_app.troubled import LEAST_ROWS, trouble
from streamlit_app.navigation import PAGES

# What Streamlit's own parts do, whoever uses them, by rule and element: the marks that Vega lays
# over a metric's sparkline have no title.
THEIRS = {("svg-img-alt", "metric_chart")}

# A row of tabs can be reached by keys a moment after it is drawn.
_DRAWN = """
document.querySelector("[data-testid=stApp]").dataset.testScriptState === "notRunning" &&
[...document.querySelectorAll("[role=tablist]")].every(row => row.querySelector("[tabindex='0']"))
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("every-page")
    trouble(folder / "home").close()
    with serving(folder / "home", folder / "app.log") as address:
        yield address
    assert "Traceback" not in (folder / "app.log").read_text()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", [entry.name for entry in PAGES])
def test_a_page_is_sound_and_accessible(
    open_tab: OpenTab, address: str, name: str, width: int, scheme: Scheme
) -> None:
    shot = Shot(name)
    tab = open_tab(f"{address}/{shot.address}", width=width, color_scheme=scheme)
    page = tab.page
    page.wait_for_selector(shot.awaited, state="attached", timeout=PATIENCE_MS)
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    assert_rendered(page, width, scheme)
    assert faults(page) == []
    assert complaints(tab) == []


def faults(page: Page) -> list[str]:
    """What axe-core calls serious or critical in a page that is drawn to its end, and is ours."""
    page.wait_for_function(_DRAWN)
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['target']} {node['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
        if not any(each["id"] == rule and part in str(node["target"]) for rule, part in THEIRS)
    ]


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_every_part_of_a_page_is_accessible(
    open_tab: OpenTab, address: str, width: int, scheme: Scheme
) -> None:
    for name in ("pipeline", "quality"):
        tab = open_tab(f"{address}/{name}", width=width, color_scheme=scheme)
        for part in PARTS[name]:
            tab.page.get_by_role("tab", name=part, exact=True).click()
            panel = tab.page.locator("[role=tabpanel]:visible")
            expect(panel.locator("[data-testid=stElementContainer]").first).to_be_visible()
            expect(tab.page.locator("[data-testid=stSkeleton]")).to_have_count(0)
            tab.page.add_style_tag(content=UNFADED)
            assert faults(tab.page) == [], part
            assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
        assert complaints(tab) == []


def test_the_explorer_turns_pages_and_hands_out_a_file(open_tab: OpenTab, address: str) -> None:
    tab = open_tab(f"{address}/pipeline?part=Data%20explorer&symbol=BTCUSDT")
    page = tab.page
    page.get_by_role("button", name="Older").click()
    expect(page.get_by_role("button", name="Newer")).to_be_enabled()
    assert "before=" in page.url
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0].startswith("open_time,open,high,low,close,volume")
    assert len(lines) > LEAST_ROWS
    assert complaints(tab) == []


def test_a_tab_is_chosen_by_keys_and_stands_in_the_address(open_tab: OpenTab, address: str) -> None:
    tab = open_tab(f"{address}/quality")
    page = tab.page
    page.get_by_role("tab", name="Calendar").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Filled ones too")).to_be_visible()
    assert "part=Gaps" in page.url
    page.reload()
    expect(page.get_by_text("Filled ones too")).to_be_visible()
    assert complaints(tab) == []
