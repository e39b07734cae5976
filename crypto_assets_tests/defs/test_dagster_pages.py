"""What a user does in Dagster's UI: partitions, a backfill, a re-execution, and a failed check.

One webserver, one daemon and one simulated exchange serve all tests, each of which has days of its
own. The backfill is launched first, because the daemon looks for backfills every 30 seconds.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from crypto_assets.market.candles import VALUE_COLUMNS
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import HOUR_MS, Window, day_start_ms
from crypto_assets.pipeline.reconciliation.candle_comparer import CandleComparer
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets_tests.defs.dagster_pages import (
    RUN_TIMEOUT_MS,
    expect_completed,
    expect_status,
    launch_partitions,
    locate_metadata,
    open_asset_page,
    open_check_partition,
    open_lineage_page,
    reexecute_run,
)
from crypto_assets_tests.proofs.served import Served, serve
from crypto_assets_tests.services.chromium import TIMEOUT_MS, OpenTab, Tab
from crypto_assets_tests.services.exchange import NOON
from crypto_assets_tests.streamlit_app.gestures import unlock_address

pytestmark = pytest.mark.timeout(1200)

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
# The exchange's today is the 6th.
FIRST, LAST = date(2025, 3, 1), date(2025, 3, 6)
BACKFILLED_SYMBOLS = ("BTCUSDT", "SOLUSDT")
BACKFILLED_DAYS = (date(2025, 3, 1), date(2025, 3, 2), date(2025, 3, 3))
ALL_KLINES = 'key:"*_klines"'


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A home with three symbols, whose schedules and sensors are stopped."""
    folder = tmp_path_factory.mktemp("served")
    with serve(folder, NOON, SYMBOLS=",".join(SYMBOLS), START_DATE=str(FIRST)) as served:
        served.tree.start_webserver()
        served.tree.start_daemon_alone()
        yield served


@pytest.fixture(scope="module", autouse=True)
def backfill_page(served: Served, chromium: Browser) -> Iterator[Page]:
    """The page of a backfill of days and symbols, launched in the dialog."""
    context = chromium.new_context(
        viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="UTC"
    )
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    page.goto(unlock_address(served.tree.url))
    open_lineage_page(page, served.tree.url, ALL_KLINES)
    dates = f"[{BACKFILLED_DAYS[0]}...{BACKFILLED_DAYS[-1]}]"
    launch_partitions(page, dates, BACKFILLED_SYMBOLS, "Launch backfill")
    yield page
    context.close()


@pytest.fixture
def tab(served: Served, open_tab: OpenTab) -> Iterator[Tab]:
    """A tab without errors of the browser's console, of scripts or requests."""
    tab = open_tab(unlock_address(served.tree.url))
    yield tab
    assert tab.errors == []


def list_stored_days(served: Served, symbol: str) -> list[date]:
    """List the days with stored minutes; asserts that these equal the exchange's, all of them."""
    stored = []
    for number in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=number)
        minutes = served.warehouse.facts.read_candles(symbol, Window.of_day(day))
        if minutes.num_rows:
            span = Window.of_day(day)
            published = served.exchange.get_klines(
                symbol, Interval.M1, span.start_ms, span.end_ms - 1, limit=10_000
            )
            comparer = CandleComparer(symbol, is_exact=False)
            assert not comparer.find_differences(Interval.M1, minutes, published, VALUE_COLUMNS)
            stored.append(day)
    return stored


def test_one_partition_is_materialized_from_the_pages_of_its_assets(
    served: Served, tab: Tab
) -> None:
    day = date(2025, 3, 4)
    for asset in ("raw_klines", "fact_klines"):
        open_asset_page(tab.page, served.tree.url, asset, "partitions")
        launch_partitions(tab.page, str(day), ["ETHUSDT"], "Launch 1 run")
        expect_status(tab.page, "Success")
    assert list_stored_days(served, "ETHUSDT") == [day]
    open_asset_page(tab.page, served.tree.url, "fact_klines", f"partitions&partition={day}|ETHUSDT")
    expect(locate_metadata(tab.page, "dagster/partition_row_count")).to_contain_text("1440")
    expect(tab.page.get_by_text("Materialized", exact=True)).to_be_visible()


def test_materialize_all_of_a_past_day_succeeds_beside_order_books(
    served: Served, tab: Tab
) -> None:
    """From the lineage of all assets with partitions; a past order book cannot be captured."""
    day = date(2025, 3, 4)
    selection = f'{ALL_KLINES} or key:"*_order_book"'
    open_lineage_page(tab.page, served.tree.url, selection)
    launch_partitions(tab.page, str(day), ["BTCUSDT"], "Launch 1 run")
    expect_status(tab.page, "Success")
    assert day in list_stored_days(served, "BTCUSDT")


def test_a_run_says_within_seconds_that_it_waits_for_the_exchange(served: Served, tab: Tab) -> None:
    day = date(2025, 3, 4)
    served.exchange.faults.add_rule({"do": "stall", "seconds": 3600})
    open_lineage_page(tab.page, served.tree.url, ALL_KLINES)
    launch_partitions(tab.page, str(day), ["SOLUSDT"], "Launch 1 run")
    waiting = re.compile("waiting for http://.*, up to 300 s: no response within 4 s")
    # Less than one timeout of a request, which is 20 seconds, after the run's process has started.
    expect(tab.page.get_by_text("STEP_START").first).to_be_visible(timeout=RUN_TIMEOUT_MS)
    expect(tab.page.get_by_text(waiting).first).to_be_visible(timeout=15_000)
    served.exchange.faults.clear_rules()
    expect_status(tab.page, "Success")
    assert day in list_stored_days(served, "SOLUSDT")


def test_a_failed_run_is_reexecuted_from_its_failure(served: Served, tab: Tab) -> None:
    # The backfill, which may still run, does not need this symbol.
    day = date(2025, 3, 5)
    served.exchange.faults.add_rule({"do": "status", "status": 403, "symbol": "ETHUSDT"})
    open_lineage_page(tab.page, served.tree.url, ALL_KLINES)
    launch_partitions(tab.page, str(day), ["ETHUSDT"], "Launch 1 run")
    expect_status(tab.page, "Failure")
    reason = f"1 partition failed: {day}|ETHUSDT"
    expect(tab.page.get_by_text(reason).first).to_be_visible()
    assert day not in list_stored_days(served, "ETHUSDT")
    served.exchange.faults.clear_rules()
    reexecute_run(tab.page, "From failure")
    expect_status(tab.page, "Success")
    expect(tab.page.get_by_text("Re-executions (1)")).to_be_visible()
    assert day in list_stored_days(served, "ETHUSDT")


def test_a_backfill_of_days_and_symbols_completes(served: Served, backfill_page: Page) -> None:
    expect_completed(backfill_page, assets=len(KlinesStage))
    for symbol in SYMBOLS:
        stored = set(list_stored_days(served, symbol)) & {*BACKFILLED_DAYS}
        assert stored == ({*BACKFILLED_DAYS} if symbol in BACKFILLED_SYMBOLS else set())


def test_a_failed_check_is_shown_with_its_metadata(served: Served, tab: Tab) -> None:
    day = BACKFILLED_DAYS[-1]
    set_high_below_low(served, "BTCUSDT", day_start_ms(day) + 9 * HOUR_MS + HOUR_MS // 2)
    open_asset_page(tab.page, served.tree.url, "fact_klines", "partitions")
    launch_partitions(tab.page, str(day), ["BTCUSDT"], "Launch 1 run")
    expect_status(tab.page, "Success")
    open_check_partition(tab.page, served.tree.url, "fact_klines", "ohlc_sane", f"{day}|BTCUSDT")
    expect(tab.page.get_by_text("Failed", exact=True).last).to_be_visible()
    expect(locate_metadata(tab.page, "minutes_checked")).to_contain_text("1440")
    expect(locate_metadata(tab.page, "minutes_wrong")).to_contain_text("1")
    expect(locate_metadata(tab.page, "problems")).to_contain_text(
        f"{day}T09:30:00Z: high below low"
    )


def set_high_below_low(served: Served, symbol: str, open_time: int) -> None:
    """Change a stored minute, which no fetch would do."""
    path = served.tree.desk.home / "warehouse.db"
    with closing(sqlite3.connect(path, timeout=60)) as database, database:
        changed = database.execute(
            "UPDATE fact_klines SET high = low * 0.99 WHERE open_time = ? AND symbol_id ="
            " (SELECT symbol_id FROM symbols WHERE symbol = ?)",
            (open_time, symbol),
        )
        assert changed.rowcount == 1
