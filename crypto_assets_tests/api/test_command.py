"""The command `crypto-assets api`: its address, its output and how it stops."""

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from crypto_assets.tcp_ports import require_free_port
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.serving import NOWHERE, TOKEN, Api
from crypto_assets_tests.cli.conftest import COMMAND, Desk, desk_at
from crypto_assets_tests.warehouse.minutes import track


@pytest.fixture
def home(tmp_path: Path) -> Path:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    warehouse.migrate_schema()
    track(warehouse)
    warehouse.close()
    return tmp_path


@contextmanager
def started(desk: Desk, *words: str) -> Iterator[tuple["subprocess.Popen[str]", Api]]:
    """Run the command in the background until it serves."""
    port = require_free_port(0)
    process = subprocess.Popen(
        [*COMMAND, "api", "--port", str(port), *words],
        env=dict(desk.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    api = Api(f"http://127.0.0.1:{port}")
    with process:
        try:
            _wait_until_live(process, api)
            yield process, api
        finally:
            process.kill()


def _wait_until_live(process: "subprocess.Popen[str]", api: Api) -> None:
    deadline = time.monotonic() + 90
    while not _is_live(api):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it does not respond"
        time.sleep(0.2)


def _is_live(api: Api) -> bool:
    try:
        return bool(api.get("/health/live").ok)
    except requests.RequestException:
        return False


@contextmanager
def slow_dagster(requested: threading.Event) -> Iterator[str]:
    """Serve a Dagster that returns an error after 1.5 seconds."""

    class Slow(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            requested.set()
            time.sleep(1.5)
            body = b"{}"
            self.send_response(500)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_it_prints_its_address_and_finishes_open_requests(home: Path) -> None:
    requested = threading.Event()
    with slow_dagster(requested) as dagster_url, ThreadPoolExecutor(1) as pool:
        desk = desk_at(home, NOWHERE, DAGSTER_URL=dagster_url, API_TOKEN=TOKEN)
        with started(desk) as (process, api):
            assert api.read("/api/symbols")["data"][0]["symbol"] == "BTCUSDT"
            assert api.send("DELETE", "/api/symbols/NOPE", headers={}).status_code == 401
            assert api.send("DELETE", "/api/symbols/NOPE").status_code == 404
            pending = pool.submit(api.get, "/api/schedules")
            assert requested.wait(20)
            process.send_signal(signal.SIGTERM)
            answer = pending.result(timeout=20)
            out, err = process.communicate(timeout=30)
    assert answer.status_code == 503 and "Dagster" in answer.json()["detail"]
    assert process.returncode == 0
    assert f"{api.url}/docs" in out
    records = [json.loads(line) for line in err.splitlines()]
    assert records[-1]["path"] == "/api/schedules" and records[-1]["status"] == 503
    assert TOKEN not in out + err


def test_ctrl_c_stops_it_without_a_traceback(home: Path) -> None:
    with started(desk_at(home, NOWHERE)) as (process, _):
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in err


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104
def test_the_token_of_the_home_is_required(home: Path, host: str) -> None:
    no_token = {"Content-Type": "application/json"}
    with started(desk_at(home, NOWHERE), "--host", host) as (_, api):
        answer = api.send("DELETE", "/api/symbols/NOPE", headers=no_token)
        assert answer.status_code == 403 and "CRYPTO_OPERATOR_TOKEN" in answer.json()["detail"]
    (home / "operator-token").write_text(f"{TOKEN}\n")
    with started(desk_at(home, NOWHERE), "--host", host) as (_, api):
        assert api.send("DELETE", "/api/symbols/NOPE", headers=no_token).status_code == 401
        assert api.send("DELETE", "/api/symbols/NOPE").status_code == 404


def test_an_occupied_port_is_reported_with_its_process(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = desk_at(home, NOWHERE).run("api", "--port", str(port))
    assert ran.code == 1
    assert f"port {port} is in use by" in ran.complaint and "--port" in ran.complaint


def test_a_warehouse_without_tables_is_reported_with_the_fix(tmp_path: Path) -> None:
    ran = desk_at(tmp_path, NOWHERE).run("api", "--port", str(require_free_port(0)))
    assert ran.code == 1
    assert "crypto-assets init" in ran.complaint
