"""Take screenshots of every page of a running app.

`python -m crypto_assets_tests.streamlit_app.screenshots OUT` takes them of the app at --url, by
default that of `make demo`; `make screenshots` calls it. Each page is taken at three sizes, in the
light and the dark theme, as OUT/{page}-{width}-{scheme}.png, and each tab of a page as
OUT/{page}-{part}-{width}-{scheme}.png.
"""

import argparse
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Page, sync_playwright

from crypto_assets_tests.services.chromium import ARGUMENTS, find_chromium, wait_for_script
from crypto_assets_tests.streamlit_app.page_checks import SCHEMES, TIMEOUT_MS, Scheme
from streamlit_app.navigation import PAGES

SIZES = ((1440, 900), (1920, 1080), (390, 844))

# Placeholders of Streamlit.
LOADING_SELECTOR = "[data-testid=stSpinner], [data-testid=stSkeleton]"
# Streamlit fades the parts that it refreshes every few seconds.
OPAQUE_STYLE = "[data-stale] { opacity: 1 !important; transition: none !important }"

# What must be present before a screenshot, by page.
READY_SELECTORS = {
    "dashboard": ".sparkline",
    "analytics": ".candle-chart .readout",
    "pipeline": ".flow .stage",
    "quality": ".js-plotly-plot .heatmaplayer image",
}
# The tabs of the pages, except the first ones.
PARTS = {
    "pipeline": ("Ingestion log", "Deduplication", "Storage", "Data explorer"),
    "quality": ("Gaps", "Revisions", "Conflicts", "Quarantine", "Checks", "Verify"),
    "settings": ("Retention", "Alerts", "Appearance", "Environment", "Change log"),
}


@dataclass(frozen=True)
class Shot:
    """A screenshot of a page or of one of its tabs."""

    page: str
    part: str | None = None

    @property
    def name(self) -> str:
        return "-".join([self.page, *(self.part or "").lower().split()])

    @property
    def address(self) -> str:
        path = "" if self.page == PAGES[0].name else self.page
        return f"{path}?part={quote(self.part)}" if self.part else path

    @property
    def ready_selector(self) -> str:
        """What must be present before the screenshot."""
        selector = READY_SELECTORS.get(
            self.page, "[data-testid=stMain] [data-testid=stElementContainer]"
        )
        return "[role=tabpanel]" if self.part else selector


SHOTS = tuple(
    Shot(entry.name, part) for entry in PAGES for part in (None, *PARTS.get(entry.name, ()))
)


def take_screenshots(
    url: str, folder: Path, pages: Collection[str] = (), timezone_id: str = "UTC"
) -> list[Path]:
    """Take all pages, or the named ones. Raises playwright's TimeoutError if one does not load."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        paths = [
            _take_screenshot(browser, url, folder, shot, size, scheme, timezone_id)
            for shot in SHOTS
            if not pages or shot.page in pages
            for size in SIZES
            for scheme in SCHEMES
        ]
        browser.close()
    return paths


def _take_screenshot(
    browser: Browser,
    url: str,
    folder: Path,
    shot: Shot,
    size: tuple[int, int],
    scheme: Scheme,
    timezone_id: str,
) -> Path:
    width, height = size
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        locale="en-GB",
        timezone_id=timezone_id,
    )
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(f"{url}/{shot.address}")
    page.wait_for_selector(shot.ready_selector, state="attached")
    _wait_until_drawn(page)
    path = folder / f"{shot.name}-{width}-{scheme}.png"
    page.screenshot(path=path)
    page.close()
    return path


def _wait_until_drawn(page: Page) -> None:
    """Wait until no placeholder is left, and make refreshing parts opaque."""
    page.wait_for_timeout(1500)  # Sparklines and fonts fade in.
    wait_for_script(page, f"!document.querySelector('{LOADING_SELECTOR}')")
    page.add_style_tag(content=OPAQUE_STYLE)
    page.wait_for_timeout(300)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8501")
    parser.add_argument("--page", action="append", choices=[entry.name for entry in PAGES])
    parser.add_argument("--timezone", default="UTC")
    options = parser.parse_args()
    for path in take_screenshots(options.url, options.folder, options.page or (), options.timezone):
        print(f"{path}  {path.stat().st_size // 1000} kB")  # noqa: T201


if __name__ == "__main__":
    main()
