"""Gestures of a user on the pages of Dagster's webserver."""

import re
from collections.abc import Iterable
from urllib.parse import quote, urljoin

from playwright.sync_api import Locator, Page, expect

from crypto_assets_tests.services.chromium import TIMEOUT_MS

# From the launch of a run, which waits in the queue, or of a backfill, to its end.
RUN_TIMEOUT_MS = 5 * TIMEOUT_MS
expect.set_options(timeout=TIMEOUT_MS)


def open_asset_page(page: Page, url: str, asset: str, view: str) -> None:
    """Open a tab (`view`) of an asset's page."""
    page.goto(f"{url}/assets/{asset}?view={view}")


def open_lineage_page(page: Page, url: str, selection: str) -> None:
    """Open the lineage of the assets of a selection, such as `group:"raw"`."""
    page.goto(f"{url}/asset-groups~{quote(selection)}/")


def launch_partitions(page: Page, dates: str, symbols: Iterable[str], button: str) -> None:
    """Choose partitions in the dialog of the page's button Materialize, launch, and open the run.

    `dates` is written as the dialog takes them: `2025-03-01`, or `[2025-03-01...2025-03-03]`.
    `button` is the text with which the dialog launches: `Launch 1 run`, or `Launch backfill`.
    """
    page.get_by_role("button", name="Materialize").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_placeholder(re.compile("^ex:")).fill(dates)
    dialog.get_by_text("Select a partition or create one").click()
    for symbol in symbols:
        # The list has each name a second time, hidden, to measure its width.
        page.get_by_role("menu").get_by_text(symbol, exact=True).locator("visible=true").click()
    # Closes the menu of symbols, which covers the dialog's button.
    dialog.get_by_text("Partition selection").click()
    dialog.get_by_role("button", name=button, exact=True).click()
    # A click on this link of a notice that slides in does not always arrive.
    address = page.get_by_role("link", name="View", exact=True).get_attribute("href")
    page.goto(urljoin(page.url, address))


def reexecute_run(page: Page, how: str) -> None:
    """Re-execute the run of an open run page, such as `From failure`, and open the new run."""
    failed = page.url
    page.locator("button:right-of(:text('Re-execute'))").first.click()
    page.get_by_text(how, exact=True).click()
    page.wait_for_url(lambda url: url != failed)


def expect_status(page: Page, status: str) -> None:
    """Wait until the open page of a run shows that it ended with `Success` or `Failure`."""
    expect(page.get_by_text(status, exact=True).first).to_be_visible(timeout=RUN_TIMEOUT_MS)


def expect_completed(page: Page, assets: int) -> None:
    """Wait until the open page of a backfill shows that all of its assets are complete."""
    expect(page.get_by_text("100% completed")).to_have_count(assets, timeout=RUN_TIMEOUT_MS)


def open_check_partition(page: Page, url: str, asset: str, check: str, key: str) -> None:
    """Open the result of an asset check for one partition, `2025-03-01|BTCUSDT`."""
    open_asset_page(page, url, asset, f"checks&checkDetail={check}")
    page.get_by_text("Execution history").wait_for()
    page.get_by_text("Partitions", exact=True).last.click()
    day, symbol = key.split("|")
    # The list of days is long, and only its visible part is in the page.
    page.get_by_placeholder("Filter by date").fill(day)
    page.get_by_text(day, exact=True).first.click()
    page.get_by_text(symbol, exact=True).first.click()
    expect(page.get_by_text(key, exact=True).first).to_be_visible()


def locate_metadata(page: Page, name: str) -> Locator:
    """Return the table row of a metadata entry."""
    return page.locator("tr", has=page.get_by_text(name, exact=True))
