"""Photographs every page of a running app.

`python -m crypto_assets_tests.streamlit_app.screenshots OUT` does it.

The app is the one at --url, by default where `make demo` serves it. Each page is taken wide and
narrow, on light and on dark, as OUT/{page}-{width}-{scheme}.png.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from crypto_assets_tests.services.chromium import ARGUMENTS, find_chromium

PATIENCE_MS = 60_000
SIZES = ((1440, 900), (390, 844))
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@dataclass(frozen=True)
class Shot:
    """A page, the address that shows it best, and what must be there before it is taken."""

    page: str
    address: str
    awaited: str


SHOTS = (
    Shot("dashboard", "", "[data-testid=stMetricChart] path"),
    Shot("analytics", "analytics", ".live-chart .trace.boxes"),
)


def photograph(url: str, folder: Path) -> list[Path]:
    """Raises playwright's TimeoutError where a page does not come up."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        taken = [
            _take(browser, url, folder, shot, size, scheme)
            for shot in SHOTS
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
    scheme: Literal["light", "dark"],
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
    path = folder / f"{shot.page}-{width}-{scheme}.png"
    page.screenshot(path=path)
    page.close()
    return path


def _settle(page: Page) -> None:
    page.wait_for_selector("[data-test-script-state=notRunning]")
    page.wait_for_timeout(1500)  # sparklines and fonts fade in


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8501")
    chosen = parser.parse_args()
    for path in photograph(chosen.url, chosen.folder):
        print(f"{path}  {path.stat().st_size // 1000} kB")  # noqa: T201


if __name__ == "__main__":
    main()
