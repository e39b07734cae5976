"""Photographs every page of a running app.

`python -m crypto_assets_tests.streamlit_app.screenshots OUT` does it.

The app is the one at --url, by default where `make demo` serves it. Each page is taken wide and
narrow, on light and on dark, as OUT/{page}-{width}-{scheme}.png; so are the parts
of a page that lie behind its tabs, as OUT/{page}-{part}-{width}-{scheme}.png.
"""

import argparse
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Page, sync_playwright

from crypto_assets_tests.services.chromium import ARGUMENTS, find_chromium
from crypto_assets_tests.streamlit_app.seen import PATIENCE_MS, SCHEMES, Scheme
from streamlit_app.navigation import PAGES

SIZES = ((1440, 900), (390, 844))

# Places that Streamlit still waits to fill.
AWAITING = "[data-testid=stSpinner], [data-testid=stSkeleton]"
# It fades what it is reading anew, every few seconds: that is no lasting fault.
UNFADED = "[data-stale] { opacity: 1 !important; transition: none !important }"

# What must be there before a page is taken, where that is more than its first figures.
AWAITED = {
    "dashboard": "[data-testid=stMetricChart] path",
    "analytics": ".live-chart .trace.boxes",
    "pipeline": ".flow .stop",
    "quality": ".js-plotly-plot .heatmaplayer image",
}
# Parts of pages that their address shows, beside the pages themselves.
PARTS = {
    "pipeline": ("Ingestion log", "Deduplication", "Storage", "Data explorer"),
    "quality": ("Gaps", "Revisions", "Quarantine", "Checks", "Verify"),
    "settings": ("Retention", "Alerts", "Appearance", "Environment", "Change log"),
}


@dataclass(frozen=True)
class Shot:
    """A page, or a part of it, and what must be there before it is taken."""

    page: str
    part: str | None = None

    @property
    def name(self) -> str:
        return "-".join([self.page, *(self.part or "").lower().split()])

    @property
    def address(self) -> str:
        place = "" if self.page == PAGES[0].name else self.page
        return f"{place}?part={quote(self.part)}" if self.part else place

    @property
    def awaited(self) -> str:
        awaited = AWAITED.get(self.page, "[data-testid=stMain] [data-testid=stElementContainer]")
        return "[role=tabpanel]" if self.part else awaited


SHOTS = tuple(
    Shot(entry.name, part) for entry in PAGES for part in (None, *PARTS.get(entry.name, ()))
)


def photograph(url: str, folder: Path, pages: Collection[str] = ()) -> list[Path]:
    """Every page, or those named. Raises playwright's TimeoutError where one does not come up."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        taken = [
            _take(browser, url, folder, shot, size, scheme)
            for shot in SHOTS
            if not pages or shot.page in pages
            for size in SIZES
            for scheme in SCHEMES
        ]
        browser.close()
    return taken


def _take(
    browser: Browser,
    url: str,
    folder: Path,
    shot: Shot,
    size: tuple[int, int],
    scheme: Scheme,
) -> Path:
    width, height = size
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        locale="en-GB",
        timezone_id="UTC",
    )
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{url}/{shot.address}")
    page.wait_for_selector(shot.awaited, state="attached")
    _settle(page)
    path = folder / f"{shot.name}-{width}-{scheme}.png"
    page.screenshot(path=path)
    page.close()
    return path


def _settle(page: Page) -> None:
    """All is there, and nothing is faded because it is just being read anew."""
    page.wait_for_timeout(1500)  # sparklines and fonts fade in
    page.wait_for_function(f"!document.querySelector('{AWAITING}')")
    page.add_style_tag(content=UNFADED)
    page.wait_for_timeout(300)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8501")
    parser.add_argument("--page", action="append", choices=[entry.name for entry in PAGES])
    chosen = parser.parse_args()
    for path in photograph(chosen.url, chosen.folder, chosen.page or ()):
        print(f"{path}  {path.stat().st_size // 1000} kB")  # noqa: T201


if __name__ == "__main__":
    main()
