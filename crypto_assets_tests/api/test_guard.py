"""Below the routes: hosts, redirects, headers, methods, and requests that hold all threads."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from crypto_assets.reports import Reports
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.conftest import Stock
from crypto_assets_tests.api.serving import Api, create_context, serve_api

# As many as the server has threads for requests.
THREADS = 40


@pytest.fixture
def stock(sqlite_stock: Stock) -> Stock:
    return sqlite_stock


def test_a_redirect_names_no_host(api: Api) -> None:
    url = f"{api.url}/api/klines/BTCUSDT/"
    moved = requests.get(url, timeout=30, allow_redirects=False)
    assert (moved.status_code, moved.headers["Location"]) == (307, "/api/klines/BTCUSDT")
    evil = requests.get(url, headers={"Host": "evil.example"}, timeout=30, allow_redirects=False)
    assert evil.status_code == 403
    assert "Location" not in evil.headers


@pytest.mark.parametrize("host", ["evil@127.0.0.1", "127.0.0.1:x", "[::1"])
def test_a_malformed_host_is_refused(api: Api, host: str) -> None:
    assert api.get("/api/symbols", {"Host": host}).status_code == 400


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/symbols", "GET, HEAD, POST"),
        ("/api/symbols/BTCUSDT", "DELETE"),
        ("/api/backfills/x", "DELETE, GET, HEAD"),
        ("/health/live", "GET, HEAD"),
    ],
)
def test_a_wrong_method_gets_all_right_ones(api: Api, path: str, allowed: str) -> None:
    for method in ("OPTIONS", "PATCH"):
        answer = requests.request(method, f"{api.url}{path}", timeout=30)
        assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/api/symbols", "/health/live", "/docs", "/nothing", "/metrics"])
def test_every_response_has_the_security_headers(api: Api, path: str) -> None:
    headers = api.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Server" not in headers


class SlowReports(Reports):
    """Reports whose storage takes until `released` is set."""

    started = threading.Semaphore(0)
    released = threading.Event()

    def get_storage_usage(self) -> Any:
        self.started.release()
        self.released.wait(60)
        return super().get_storage_usage()


@pytest.fixture
def slow_api(tmp_path: Path) -> Iterator[Api]:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    warehouse.migrate_schema()
    with serve_api(create_context(warehouse, tmp_path, reports=SlowReports(warehouse))) as api:
        yield api


def test_requests_that_hold_all_threads_delay_no_health_check(slow_api: Api) -> None:
    requests_in_flight = [
        threading.Thread(target=slow_api.get, args=["/api/pipeline/storage"])
        for _ in range(THREADS + 5)
    ]
    try:
        for thread in requests_in_flight:
            thread.start()
        for _ in range(THREADS):
            assert SlowReports.started.acquire(timeout=30)
        assert requests.get(f"{slow_api.url}/health/live", timeout=30).json() == {"status": "ok"}
    finally:
        SlowReports.released.set()
        for thread in requests_in_flight:
            thread.join()
