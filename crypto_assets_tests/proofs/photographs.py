"""Takes screenshots of Dagster's UI: `python -m crypto_assets_tests.proofs.photographs OUT`.

The home has a backfill of sixty days of three symbols, the closing of yesterday, and ticks. For the
last screenshot, one candle is changed in the database and its day closed again, so that a check
fails. Each screenshot is OUT/dagster-{page}.png.
"""

import argparse
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from crypto_assets.market.utc_time import HOUR_MS, day_of, day_start_ms, now_ms
from crypto_assets.orchestrator import Kind
from crypto_assets_tests.defs.dagster_pages import open_check_partition, open_lineage_page
from crypto_assets_tests.proofs.served import Served, serve
from crypto_assets_tests.services.chromium import ARGUMENTS, find_chromium
from crypto_assets_tests.services.dagster_tree import wait_for
from crypto_assets_tests.streamlit_app.gestures import unlock_address

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
DAYS = 60
_TIMEOUT_SECONDS = 3600
_WIDTH, _HEIGHT = 1440, 900
# Pages with little content.
_HEIGHTS = {"lineage": 660, "backfill": 500}


@dataclass(frozen=True)
class Scene:
    """What the pages show: a backfill, and its last whole day."""

    served: Served
    backfill_id: str
    closed: date

    @property
    def url(self) -> str:
        return self.served.tree.url


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Serve a home with a history."""
    today = day_of(now_ms())
    days = [today - timedelta(days=ago) for ago in range(DAYS)]
    settings = {
        "SYMBOLS": ",".join(SYMBOLS),
        "START_DATE": str(days[-1]),
        "INGEST_INTERVAL_MINUTES": "1",
        "ORDER_BOOK_INTERVAL_MINUTES": "1",
    }
    with serve(folder, now_ms(), speed=1, **settings) as served:
        served.tree.start_webserver()
        served.tree.start_daemon_alone()
        backfill_id = served.launch([f"{day}|{name}" for day in days for name in SYMBOLS])
        served.ended(backfill_id, _TIMEOUT_SECONDS)
        close_days(served)
        served.tree.switch_all(running=True)
        wait_for(lambda: _ticked(served), _TIMEOUT_SECONDS)
        yield Scene(served, backfill_id, days[1])


def spoil(served: Served, day: date) -> None:
    """Set the high of a minute of ETHUSDT below its low."""
    warehouse = served.tree.desk.home / "warehouse.db"
    with closing(sqlite3.connect(warehouse, timeout=60)) as database, database:
        database.execute(
            "UPDATE fact_klines SET high = low * 0.99 WHERE open_time = ? AND symbol_id ="
            " (SELECT symbol_id FROM symbols WHERE symbol = 'ETHUSDT')",
            (day_start_ms(day) + 9 * HOUR_MS + HOUR_MS // 2,),
        )


def close_days(served: Served) -> None:
    """Run the schedule of 00:10 now, and wait until its runs have ended."""
    launched = served.tree.orchestrator.run_instigator_now(Kind.SCHEDULE, "close_day_schedule")
    wait_for(
        lambda: all(
            run["status"] in {"SUCCESS", "FAILURE"}
            for run in served.tree.runs()
            if run["runId"] in launched.run_ids
        ),
        _TIMEOUT_SECONDS,
    )


def _ticked(served: Served) -> bool:
    ended = {run["jobName"] for run in served.tree.runs() if run["status"] == "SUCCESS"}
    return {"ingest", "order_books"} <= ended


def lineage(page: Page, here: Scene) -> None:
    open_lineage_page(page, here.url, 'not group:"maintenance"')
    page.locator("input[placeholder^='Jump to'] >> xpath=following::button[1]").click()
    page.get_by_text("aggregates").first.wait_for()
    page.keyboard.press("Alt+e")
    page.get_by_text("daily_klines").first.wait_for()


def partitions(page: Page, here: Scene) -> None:
    day = here.closed - timedelta(days=2)
    query = urlencode({"view": "partitions", "partition": f"{day}|BTCUSDT"})
    page.goto(f"{here.url}/assets/raw_klines?{query}")
    page.get_by_text("first_candle").first.wait_for()


def backfill(page: Page, here: Scene) -> None:
    page.goto(f"{here.url}/runs/b/{here.backfill_id}")
    page.get_by_text("daily_klines").first.wait_for()


def failed_check(page: Page, here: Scene) -> None:
    spoil(here.served, here.closed)
    close_days(here.served)
    key = f"{here.closed}|ETHUSDT"
    open_check_partition(page, here.url, "fact_klines", "ohlc_sane", key)
    page.get_by_text("high below low").first.wait_for()


def automation(page: Page, here: Scene) -> None:
    page.goto(f"{here.url}/automation")
    page.get_by_text("ingest_schedule").first.wait_for()


SHOTS: dict[str, Callable[[Page, Scene], None]] = {
    "lineage": lineage,
    "partitions": partitions,
    "backfill": backfill,
    "automation": automation,
    "failed-check": failed_check,
}


def photograph(here: Scene, folder: Path) -> list[Path]:
    """Take a screenshot of every page without the navigation."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        tab = browser.new_page(locale="en-GB", timezone_id="UTC")
        tab.set_default_timeout(_TIMEOUT_SECONDS * 100)
        tab.goto(unlock_address(here.url))
        tab.evaluate("localStorage.setItem('dagster-nav-collapsed', 'true')")
        taken = [_take(tab, name, here, folder) for name in SHOTS]
        browser.close()
    return taken


def _take(page: Page, name: str, here: Scene, folder: Path) -> Path:
    page.set_viewport_size({"width": _WIDTH, "height": _HEIGHTS.get(name, _HEIGHT)})
    SHOTS[name](page, here)
    page.wait_for_timeout(8_000)  # statuses are loaded one by one
    path = folder / f"dagster-{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(128).save(path, optimize=True)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    with tempfile.TemporaryDirectory(prefix="crypto-assets-") as home, scene(Path(home)) as here:
        for path in photograph(here, parser.parse_args().folder):
            print(f"{path}  {path.stat().st_size // 1000} kB")  # noqa: T201


if __name__ == "__main__":
    main()
