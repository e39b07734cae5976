"""All pages while the database server and the exchange stop and restart."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import expect

from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.reports.stock import describe, generated, load
from crypto_assets_tests.services.chromium import OpenTab, Tab
from crypto_assets_tests.services.mariadb import DatabaseServer, StartServer
from crypto_assets_tests.services.sqlite_file import create_sqlite_file
from crypto_assets_tests.streamlit_app import page_texts
from crypto_assets_tests.streamlit_app.conftest import serving
from streamlit_app.navigation import PAGES

STARTED_SECONDS = 60
# Nothing listens there.
NO_PRIMARY = "mysql+pymysql://reader@127.0.0.1:9/crypto"


class RestartableDatabase:
    """A database server that stops, and restarts with its port and its data."""

    def __init__(self, server: DatabaseServer) -> None:
        self.url = server.fresh()
        self._process = psutil.Process(server.pid)
        self._command = self._process.cmdline()
        self._restarted: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(STARTED_SECONDS)

    def start(self) -> None:
        self._restarted = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._restarted:
            self._restarted.kill()
            self._restarted.wait()


@dataclass
class Desk:
    """The app with a database server and an exchange that can stop."""

    address: str
    database: RestartableDatabase
    exchange: SimulatedExchange
    port: int
    _exchange_stack: ExitStack

    def stop_exchange(self) -> None:
        self._exchange_stack.close()

    def start_exchange(self) -> None:
        self._exchange_stack.enter_context(start_exchange_server(self.exchange, self.port))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, own_mariadb: StartServer) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("outages")
    exchange = SimulatedExchange(GeneratedCandles(1, False), SimulatedClock(now_ms(), 1))
    with ExitStack() as exchanges:
        database = RestartableDatabase(own_mariadb())
        stock(database.url)
        url = exchanges.enter_context(start_exchange_server(exchange))
        home, log = folder / "home", folder / "app.log"
        home.mkdir()
        settings = {"WAREHOUSE_URL": database.url, "EXCHANGE_URL": url, "ARCHIVE_URL": url}
        with serving(home, log, **settings) as address:
            yield Desk(address, database, exchange, int(url.rpartition(":")[2]), exchanges)
        database.kill()
    assert "Traceback" not in log.read_text()


def stock(url: str) -> None:
    """Store the last thirty hours of BTCUSDT."""
    warehouse = Warehouse(url)
    warehouse.migrate_schema()
    warehouse.symbols.register_symbols([describe("BTCUSDT")])
    until = floor_ms(now_ms(), MINUTE_MS)
    load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(until - 30 * HOUR_MS, until)))
    warehouse.close()


def test_every_page_reports_that_the_exchange_is_down_until_it_is_back(
    open_tab: OpenTab, desk: Desk
) -> None:
    tabs = opened(open_tab, desk)
    page_texts.expect_warehouse_texts(tabs)
    desk.stop_exchange()
    for tab in tabs.values():
        expect(tab.page.get_by_text("Exchange unreachable. Data resumes")).to_be_visible()
    desk.start_exchange()
    for tab in tabs.values():
        expect(tab.page.get_by_text("Exchange unreachable")).to_have_count(0)
    page_texts.expect_warehouse_texts(tabs)


def test_every_page_reports_that_the_warehouse_is_down_and_recovers(
    open_tab: OpenTab, desk: Desk
) -> None:
    tabs = opened(open_tab, desk)
    page_texts.expect_warehouse_texts(tabs)
    desk.database.stop()
    for tab in tabs.values():
        expect(tab.page.get_by_text("Cannot reach the warehouse").first).to_be_visible()
    # A page that is opened during the outage recovers as well.
    reloaded = tabs["analytics"].page
    reloaded.reload()
    expect(reloaded.get_by_text("retries automatically").first).to_be_visible()
    desk.database.start()
    page_texts.expect_warehouse_texts(tabs)


def test_a_chart_is_read_from_a_replica_without_the_primary(
    open_tab: OpenTab, tmp_path: Path
) -> None:
    """What only the primary has, such as layouts, is named as unreachable."""
    replica = create_sqlite_file(tmp_path / "replica.db")
    stock(replica)
    settings = {"WAREHOUSE_URL": NO_PRIMARY, "WAREHOUSE_READ_URL": replica}
    (tmp_path / "home").mkdir()
    with serving(tmp_path / "home", tmp_path / "app.log", **settings) as address:
        page = open_tab(f"{address}/analytics?symbol=BTCUSDT").page
        page.get_by_text("candles of 1h").first.wait_for()
        expect(page.locator("[data-testid=stException]")).to_have_count(0)
    assert "Traceback" not in (tmp_path / "app.log").read_text()


def opened(open_tab: OpenTab, desk: Desk) -> dict[str, Tab]:
    paths = {one.name: "" if one is PAGES[0] else one.name for one in PAGES}
    return {name: open_tab(f"{desk.address}/{path}") for name, path in paths.items()}
