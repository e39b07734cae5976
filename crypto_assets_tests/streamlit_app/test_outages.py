"""Database server and exchange really stop and start again while all six pages stand open."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

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
from crypto_assets_tests.services.mariadb import DatabaseServer, start_server
from crypto_assets_tests.streamlit_app import told
from crypto_assets_tests.streamlit_app.conftest import serving
from streamlit_app.navigation import PAGES

STARTED_SECONDS = 60


class OwnServer:
    """A database server that a test may stop and start again, where it was and with its data."""

    def __init__(self, server: DatabaseServer) -> None:
        self.url = server.fresh()
        self._process = psutil.Process(server.pid)
        self._command = self._process.cmdline()
        self._again: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(STARTED_SECONDS)

    def start(self) -> None:
        self._again = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)

    def end(self) -> None:
        if self._again:
            self._again.kill()
            self._again.wait()


@dataclass
class Desk:
    """The app over a database server and an exchange that may both be away."""

    address: str
    database: OwnServer
    exchange: SimulatedExchange
    port: int
    _serving: ExitStack

    def stop_exchange(self) -> None:
        self._serving.close()

    def start_exchange(self) -> None:
        self._serving.enter_context(start_exchange_server(self.exchange, self.port))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("outages")
    exchange = SimulatedExchange(GeneratedCandles(1, False), SimulatedClock(now_ms(), 1))
    with contextmanager(start_server)("mariadb", folder) as server, ExitStack() as exchanges:
        database = OwnServer(server)
        stock(database.url)
        url = exchanges.enter_context(start_exchange_server(exchange))
        home, log = folder / "home", folder / "app.log"
        home.mkdir()
        wanted = {"WAREHOUSE_URL": database.url, "EXCHANGE_URL": url, "ARCHIVE_URL": url}
        with serving(home, log, **wanted) as address:
            yield Desk(address, database, exchange, int(url.rpartition(":")[2]), exchanges)
        database.end()
    assert "Traceback" not in log.read_text()


def stock(url: str) -> None:
    """Thirty hours of one symbol, up to now."""
    warehouse = Warehouse(url)
    warehouse.migrate_schema()
    warehouse.symbols.register_symbols([describe("BTCUSDT")])
    until = floor_ms(now_ms(), MINUTE_MS)
    load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(until - 30 * HOUR_MS, until)))
    warehouse.close()


def test_every_page_says_that_the_exchange_is_away_until_it_is_back(
    open_tab: OpenTab, desk: Desk
) -> None:
    tabs = opened(open_tab, desk)
    told.expect_at_work(tabs)
    desk.stop_exchange()
    for tab in tabs.values():
        expect(tab.page.get_by_text("The exchange is away: new candles come")).to_be_visible()
    desk.start_exchange()
    for tab in tabs.values():
        expect(tab.page.get_by_text("The exchange is away")).to_have_count(0)
    told.expect_at_work(tabs)


def test_every_page_says_that_the_warehouse_is_away_and_recovers_by_itself(
    open_tab: OpenTab, desk: Desk
) -> None:
    tabs = opened(open_tab, desk)
    told.expect_at_work(tabs)
    desk.database.stop()
    for tab in tabs.values():
        expect(tab.page.get_by_text("The warehouse does not answer").first).to_be_visible()
    # One that is opened meanwhile recovers as well.
    reloaded = tabs["analytics"].page
    reloaded.reload()
    expect(reloaded.get_by_text("looks again by itself").first).to_be_visible()
    desk.database.start()
    told.expect_at_work(tabs)


def opened(open_tab: OpenTab, desk: Desk) -> dict[str, Tab]:
    addresses = {one.name: "" if one is PAGES[0] else one.name for one in PAGES}
    return {name: open_tab(f"{desk.address}/{path}") for name, path in addresses.items()}
