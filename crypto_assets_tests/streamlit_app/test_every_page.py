"""Every page of the navigation in a real browser: sound, readable, narrow enough, accessible."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.services.exchange import StartExchange
from crypto_assets_tests.streamlit_app.conftest import serving
from crypto_assets_tests.streamlit_app.screenshots import Shot
from crypto_assets_tests.streamlit_app.test_browser import (
    GROUNDS,
    PATIENCE_MS,
    SCHEMES,
    WIDTHS,
    complaints,
)
from crypto_assets_tests.streamlit_app.troubled import trouble
from streamlit_app.navigation import PAGES

# What Streamlit's own parts do, whoever uses them: Vega's sparklines have marks without a title,
# and the frames that hold wide tables scroll without taking the focus.
THEIRS = {"svg-img-alt", "scrollable-region-focusable", "aria-required-children"}


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
    open_tab: OpenTab, address: str, name: str, width: int, scheme: str
) -> None:
    shot = Shot(name)
    tab = open_tab(f"{address}/{shot.address}", width=width, color_scheme=scheme)
    page = tab.page
    page.wait_for_selector(shot.awaited, state="attached", timeout=PATIENCE_MS)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    page.wait_for_function(f"{ground} === '{GROUNDS[scheme]}'")  # one scheme fades into the other
    assert faults(page) == []
    assert complaints(tab) == []


def faults(page: Page) -> list[str]:
    """What axe-core calls serious or critical, and is ours."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['target']} {node['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical") and each["id"] not in THEIRS
        for node in each["nodes"]
    ]


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
    assert len(lines) > 3 * 1440
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


def test_warehouse_and_exchange_go_and_come_back_under_an_open_page(
    open_tab: OpenTab,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    simulated_exchange: StartExchange,
) -> None:
    exchange = simulated_exchange()
    for name in ("EXCHANGE", "ARCHIVE"):
        monkeypatch.setenv(f"CRYPTO_{name}_URL", exchange.url)
    home = tmp_path / "home"
    trouble(home).close()
    with serving(home, tmp_path / "app.log") as address:
        tabs = [open_tab(f"{address}/{name}") for name in ("", "pipeline", "quality")]
        board, pipeline, _ = (tab.page for tab in tabs)
        for tab in tabs:
            expect(tab.page.get_by_text("Exchange away")).to_have_count(0)
            expect(tab.page.locator(".stMarkdownBadge", has_text="Live")).to_be_visible()
        exchange.faults.add({"do": "status", "status": 503, "path": "/api/v3/time"})
        expect(board.get_by_text("The exchange is away")).to_be_visible()
        expect(pipeline.locator(".stMarkdownBadge", has_text="Exchange away").first).to_be_visible()
        _ = [path.rename(path.with_suffix(path.suffix + ".away")) for path in files(home)]
        for tab in tabs:
            expect(tab.page.get_by_text("not set up yet").first).to_be_visible()
            expect(tab.page.get_by_text("No data")).to_be_visible()
        _ = [path.rename(path.with_suffix("")) for path in home.glob("warehouse.db*.away")]
        for tab in tabs:
            expect(tab.page.get_by_text("not set up yet")).to_have_count(0)
            expect(tab.page.locator(".stMarkdownBadge", has_text="Live")).to_be_visible()
            expect(tab.page.locator("[data-testid=stException]")).to_have_count(0)
            assert complaints(tab) == []
    assert "Traceback" not in (tmp_path / "app.log").read_text()


def files(home: Path) -> list[Path]:
    return sorted(home.glob("warehouse.db*"))
