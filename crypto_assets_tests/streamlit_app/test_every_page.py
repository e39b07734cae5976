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
    TIMEOUT_MS,
    Scheme,
    assert_rendered,
    list_errors,
    load_page,
)
from crypto_assets_tests.streamlit_app.screenshots import OPAQUE_STYLE, PARTS, Shot
from streamlit_app.navigation import PAGES

# Streamlit names these itself: the logo, which the menu of a phone repeats, and its date inputs.
STREAMLIT_NAMES = {"Navigate to home page", "Choose date", "Open"}

VIEWS: tuple[tuple[int, Scheme], ...] = (
    *((1440, "light"), (1920, "dark")),
    *((768, "light"), (390, "dark")),
)

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


@pytest.mark.parametrize("name", [entry.name for entry in PAGES])
def test_every_page_is_rendered_and_accessible(
    open_tab: OpenTab, address: str, subtests: pytest.Subtests, name: str
) -> None:
    shot = Shot(name)
    tab = open_tab("about:blank")
    page = tab.page
    for width, scheme in VIEWS:
        with subtests.test(width=width, scheme=scheme):
            load_page(page, f"{address}/{shot.address}", width, scheme)
            page.wait_for_selector(shot.ready_selector, state="attached", timeout=TIMEOUT_MS)
            expect(page.locator("[data-stale=true]")).to_have_count(0)
            assert_rendered(page, width, scheme)
            assert list_accessibility_faults(page) == []
            expect(page.locator("h1")).to_have_text([get_title(name)])
            assert page.title() == f"{get_title(name)} · crypto-assets"
            # The intervals and ranges of Analytics have the same names, in groups of their own.
            if name != "analytics":
                assert list_repeated_names(page) == []
            assert list_errors(tab) == []


def get_title(name: str) -> str:
    return next(entry.title for entry in PAGES if entry.name == name)


def list_repeated_names(page: Page) -> list[str]:
    """List the accessible names that several visible buttons outside of dialogs share."""
    names = page.evaluate(
        """() => [...document.querySelectorAll("button")]
            .filter(button => button.checkVisibility() && !button.closest("[role=dialog]"))
            .map(button => (button.ariaLabel || button.innerText).trim()).filter(Boolean)"""
    )
    repeated = {name for name in names if names.count(name) > 1}
    return sorted(repeated - STREAMLIT_NAMES)


def test_no_page_warns_in_the_console(open_tab: OpenTab, address: str) -> None:
    tab = open_tab(address)
    warnings: list[str] = []
    tab.page.on(
        "console",
        lambda message: warnings.append(message.text) if message.type == "warning" else None,
    )
    tab.page.reload()
    tab.page.wait_for_selector(".sparkline")
    wait_for_script(tab.page, _IS_DRAWN)
    assert warnings == []


def test_the_menu_of_a_phone_closes_after_a_page_is_chosen(open_tab: OpenTab, address: str) -> None:
    tab = open_tab(f"{address}/quality", width=390)
    page = tab.page
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Pipeline").click()
    expect(page).to_have_title("Pipeline · crypto-assets")
    expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true")
    assert list_errors(tab) == []


def test_the_menu_closes_although_its_link_is_touched_before_the_page_listens(
    open_tab: OpenTab, address: str
) -> None:
    page = open_tab(f"{address}/quality", width=390).page
    page.evaluate("document.body.addEventListener('click', event => event.stopPropagation())")
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Pipeline").click()
    expect(page).to_have_title("Pipeline · crypto-assets")
    expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true")


def test_every_tab_of_a_phone_can_be_touched(open_tab: OpenTab, address: str) -> None:
    page = open_tab(f"{address}/pipeline?part=Ingestion%20log", width=390).page
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    wait_for_script(page, _IS_DRAWN)
    page.get_by_test_id("stDataFrame").hover()  # Shows its toolbar.
    covered = page.evaluate(
        """() => [...document.querySelectorAll("[role=tab]")].filter(tab => {
            tab.scrollIntoView({ inline: "center", block: "center" });
            const { x, y, width, height } = tab.getBoundingClientRect();
            return [0.1, 0.5, 0.9].some(part => {
                const hit = document.elementFromPoint(x + width * part, y + height * part);
                return !tab.contains(hit);
            });
        }).map(tab => tab.innerText)"""
    )
    assert covered == []


def list_accessibility_faults(page: Page) -> list[str]:
    """List the serious and critical faults that axe-core finds."""
    wait_for_script(page, _IS_DRAWN)
    violations = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['target']} {node['html'][:200]}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
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
