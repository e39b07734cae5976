"""Every page and tab in a real browser: rendering, width, and accessibility."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from crypto_assets_tests.services.chromium import OpenTab, wait_for_script
from crypto_assets_tests.streamlit_app.conftest import serving
from crypto_assets_tests.streamlit_app.faulty_home import MIN_ROWS, store_faulty_data
from crypto_assets_tests.streamlit_app.page_checks import (
    SCHEMES,
    TIMEOUT_MS,
    WIDTHS,
    Scheme,
    assert_rendered,
    list_errors,
)
from crypto_assets_tests.streamlit_app.screenshots import OPAQUE_STYLE, PARTS, Shot
from streamlit_app.navigation import PAGES

# Accessibility faults of Streamlit itself, by rule and element: marks on sparklines lack titles.
STREAMLIT_FAULTS = {("svg-img-alt", "metric_chart")}

# Tabs are reachable by keyboard a moment after they are drawn.
_IS_DRAWN = """
document.querySelector("[data-testid=stApp]").dataset.testScriptState === "notRunning" &&
[...document.querySelectorAll("[role=tablist]")].every(row => row.querySelector("[tabindex='0']"))
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("every-page")
    store_faulty_data(folder / "home").close()
    with serving(folder / "home", folder / "app.log") as address:
        yield address
    assert "Traceback" not in (folder / "app.log").read_text()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", [entry.name for entry in PAGES])
def test_every_page_is_rendered_and_accessible(
    open_tab: OpenTab, address: str, name: str, width: int, scheme: Scheme
) -> None:
    shot = Shot(name)
    tab = open_tab(f"{address}/{shot.address}", width=width, color_scheme=scheme)
    page = tab.page
    page.wait_for_selector(shot.ready_selector, state="attached", timeout=TIMEOUT_MS)
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    assert_rendered(page, width, scheme)
    assert list_accessibility_faults(page) == []
    assert list_errors(tab) == []


def list_accessibility_faults(page: Page) -> list[str]:
    """List the serious and critical faults that axe-core finds, without those of Streamlit."""
    wait_for_script(page, _IS_DRAWN)
    violations = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['target']} {node['html'][:200]}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
        if not any(
            violation["id"] == rule and part in str(node["target"])
            for rule, part in STREAMLIT_FAULTS
        )
    ]


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_every_tab_is_accessible(
    open_tab: OpenTab, address: str, width: int, scheme: Scheme
) -> None:
    for name in ("pipeline", "quality"):
        tab = open_tab(f"{address}/{name}", width=width, color_scheme=scheme)
        for part in PARTS[name]:
            tab.page.get_by_role("tab", name=part, exact=True).click()
            panel = tab.page.locator("[role=tabpanel]:visible")
            expect(panel.locator("[data-testid=stElementContainer]").first).to_be_visible()
            expect(tab.page.locator("[data-testid=stSkeleton]")).to_have_count(0)
            tab.page.add_style_tag(content=OPAQUE_STYLE)
            assert list_accessibility_faults(tab.page) == [], part
            assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
        assert list_errors(tab) == []


def test_the_explorer_has_pages_and_a_download(open_tab: OpenTab, address: str) -> None:
    tab = open_tab(f"{address}/pipeline?part=Data%20explorer&symbol=BTCUSDT")
    page = tab.page
    page.get_by_role("button", name="Older").click()
    expect(page.get_by_role("button", name="Newer")).to_be_enabled()
    assert "before=" in page.url
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0].startswith("open_time,open,high,low,close,volume")
    assert len(lines) > MIN_ROWS
    assert list_errors(tab) == []


def test_a_tab_is_chosen_by_keyboard_and_set_in_the_url(open_tab: OpenTab, address: str) -> None:
    tab = open_tab(f"{address}/quality")
    page = tab.page
    page.get_by_role("tab", name="Calendar").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Include filled")).to_be_visible()
    assert "part=Gaps" in page.url
    page.reload()
    expect(page.get_by_text("Include filled")).to_be_visible()
    assert list_errors(tab) == []
