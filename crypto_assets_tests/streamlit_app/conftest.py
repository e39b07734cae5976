"""Fixtures: the app with its own home directory, in this process or served to a browser."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import requests
import streamlit as st
from streamlit.testing.v1 import AppTest

import streamlit_app
from crypto_assets.access import Role
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets.settings import get_settings
from crypto_assets.tcp_ports import require_free_port
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.access.serving import OPERATOR_TOKEN
from crypto_assets_tests.reports.stock import describe, generated, hole_before, load
from crypto_assets_tests.services.lifetime import with_parent
from crypto_assets_tests.services.sqlite_file import create_sqlite_file
from crypto_assets_tests.warehouse.books import order_book
from streamlit_app import auth

APP = Path(streamlit_app.__path__[0]) / "app.py"
FRAME = APP.with_name("page_frame.py")
SYMBOLS = ("BTCUSDT", "SHIBUSDT")
DAYS = 9

RunApp = Callable[..., AppTest]


def make_home(home: Path, symbols: tuple[str, ...] = SYMBOLS) -> Warehouse:
    """Create a home whose warehouse has symbols but no candles."""
    home.mkdir(parents=True, exist_ok=True)
    warehouse = Warehouse(create_sqlite_file(home / "warehouse.db"))
    warehouse.symbols.register_symbols([describe(name) for name in symbols])
    return warehouse


@pytest.fixture(scope="session")
def stocked_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with nine days of candles; BTCUSDT has a gap of two hours that ended a day ago."""
    home = tmp_path_factory.mktemp("stocked")
    warehouse = make_home(home)
    until = floor_ms(now_ms(), MINUTE_MS)
    until -= MINUTE_MS * (until % HOUR_MS == 0)  # Within an hour, so that one is forming.
    window = Window(until - DAYS * DAY_MS, until)
    load(warehouse, "BTCUSDT", generated("BTCUSDT", window, [hole_before(until, 24, 120)]))
    load(warehouse, "SHIBUSDT", generated("SHIBUSDT", window))
    warehouse.close()
    return home


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Restore `__main__`, which AppTest replaces: processes that later tests spawn would run it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture
def run_app(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunApp]:
    """Run the app once: `run_app(home, page="app_pages/analytics.py", **query)`."""

    def run(home: Path, page: str | None = None, **query: str) -> AppTest:
        monkeypatch.setenv("CRYPTO_HOME", str(home))
        _clear_caches()
        app = AppTest.from_file(FRAME, default_timeout=60)
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        return app.switch_page(page).run() if page else app

    yield run
    _clear_caches()


@pytest.fixture
def as_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that `run_app` runs have the session cookie of an operator."""
    monkeypatch.setenv("CRYPTO_OPERATOR_TOKEN", OPERATOR_TOKEN)
    monkeypatch.setattr(
        auth,
        "_read_session_cookie",
        lambda: auth.get_access_control().create_session(Role.OPERATOR),
    )
    monkeypatch.setattr(auth, "_read_client_address", lambda: "127.0.0.1")


def _clear_caches() -> None:
    get_settings.cache_clear()
    st.cache_data.clear()
    st.cache_resource.clear()


@contextmanager
def serving(home: Path, log: Path, port: int = 0, **settings: str) -> Iterator[str]:
    """Serve the app in a process and yield its URL. Its token is OPERATOR_TOKEN.

    `settings` are environment variables without their prefix. Port 0 chooses a free port.
    """
    port = require_free_port(port)
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit_app.app", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*with_parent(), *command],
            cwd=home,
            env={
                **os.environ,
                "CRYPTO_HOME": str(home),
                "CRYPTO_OPERATOR_TOKEN": OPERATOR_TOKEN,
                **{f"CRYPTO_{name}": value for name, value in settings.items()},
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_healthy(process, address, log)
        yield address
    finally:
        process.kill()
        process.wait()


def _wait_until_healthy(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{address}/_stcore/health", timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.1)
    pytest.fail(f"the app did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def app_address(stocked_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the app with `stocked_home`; its log must not contain a traceback."""
    log = tmp_path_factory.mktemp("app") / "app.log"
    with serving(stocked_home, log) as address:
        yield address
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of Analytics with four symbols.

    BTCUSDT has a gap and an order book, XRPUSDT has three minutes, LTCUSDT has no candles.
    """
    home = tmp_path_factory.mktemp("market")
    warehouse = make_home(home, ("BTCUSDT", "ETHUSDT", "XRPUSDT", "LTCUSDT"))
    until = floor_ms(now_ms(), HOUR_MS) + 2 * MINUTE_MS
    window = Window(until - 4 * DAY_MS, until)
    load(warehouse, "BTCUSDT", generated("BTCUSDT", window, [hole_before(until, 24, 120)]))
    load(warehouse, "ETHUSDT", generated("ETHUSDT", window))
    load(warehouse, "XRPUSDT", generated("XRPUSDT", Window(until - 3 * MINUTE_MS, until)))
    item, book = order_book(7, until)
    warehouse.order_books.load_snapshots("BTCUSDT", [(replace(item, symbol="BTCUSDT"), book)])
    warehouse.close()
    log = home / "app.log"
    with serving(home, log) as address:
        yield f"{address}/analytics"
    assert "Traceback" not in log.read_text()
