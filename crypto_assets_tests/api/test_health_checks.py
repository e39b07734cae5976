"""Health of each component, and Prometheus metrics while a component fails."""

import shutil
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from crypto_assets.errors import WarehouseUnavailable
from crypto_assets.health_monitor import HealthMonitor
from crypto_assets.market.utc_time import DAY_MS, Window, now_ms
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.conftest import UNTIL
from crypto_assets_tests.api.serving import BEARER, Api, create_context, serve_api
from crypto_assets_tests.reports.stock import describe, generated, load
from crypto_assets_tests.services.scripted import Answer, in_turn, scripted


@pytest.fixture
def home(tmp_path: Path) -> Path:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    warehouse.migrate_schema()
    warehouse.symbols.register_symbols([describe("BTCUSDT"), describe("XRPUSDT")])
    load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(UNTIL - DAY_MS, UNTIL)))
    warehouse.close()
    return tmp_path


@pytest.fixture
def api(home: Path) -> Iterator[Api]:
    """An API without a Dagster."""
    warehouse = Warehouse(f"sqlite:///{home / 'warehouse.db'}")
    with serve_api(create_context(warehouse, home)) as served:
        yield served


def read_metrics(api: Api) -> dict[tuple[str, ...], float]:
    """Return samples by name and label values."""
    answer = api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_liveness_does_not_depend_on_components(api: Api, home: Path) -> None:
    shutil.rmtree(home / "raw")
    assert api.get("/health/live").json() == {"status": "ok"}


def test_health_reports_each_component(api: Api) -> None:
    answer = api.get("/health", headers=BEARER)
    assert answer.status_code == 503
    health = answer.json()
    assert health["status"] == "failing"
    assert health["warehouse"] == health["lake"] == {"ok": True, "detail": None}
    assert not health["dagster"]["ok"]
    assert "crypto-assets up" in health["dagster"]["detail"]


def test_the_login_in_dagsters_url_is_used_but_not_exposed(home: Path) -> None:
    warehouse = Warehouse(f"sqlite:///{home / 'warehouse.db'}")
    refused = Answer(403, b'{"errors": [{"message": "not for you"}]}')
    with scripted(in_turn(refused)) as dagster:
        address = dagster.url.replace("://", "://user:s3cret@")
        with serve_api(create_context(warehouse, home, dagster_url=address)) as api:
            paths = ("/health", "/api/schedules", "/metrics")
            responses = "".join(api.get(path, headers=BEARER).text for path in paths)
        login = b64encode(b"user:s3cret").decode()
        assert {one.headers["Authorization"] for one in dagster.requests} == {f"Basic {login}"}
    assert responses.count(f"Dagster at {dagster.url} refused the request (HTTP 403)") == 2
    assert "s3cret" not in responses


def test_health_reports_a_missing_lake(api: Api, home: Path) -> None:
    shutil.rmtree(home / "raw")
    health = api.get("/health", headers=BEARER).json()
    assert not health["lake"]["ok"] and str(home / "raw") in health["lake"]["detail"]
    assert health["warehouse"]["ok"]


def test_every_route_reports_a_missing_warehouse(api: Api, home: Path) -> None:
    for path in home.glob("warehouse.db*"):
        path.unlink()
    assert not api.get("/health").json()["warehouse"]["ok"]
    answer = api.get("/api/pipeline/gaps", headers=BEARER)
    assert answer.status_code == 503 and "crypto-assets init" in answer.json()["detail"]
    assert read_metrics(api)["crypto_assets_up", "warehouse"] == 0


def test_metrics_are_per_symbol(api: Api) -> None:
    api.get("/api/klines/BTCUSDT")
    api.get("/api/klines/NOPE")
    found = read_metrics(api)
    assert found["crypto_assets_candles", "BTCUSDT"] == 1440
    assert found["crypto_assets_candles", "XRPUSDT"] == 0
    assert found["crypto_assets_coverage_ratio", "BTCUSDT"] == 1
    assert found["crypto_assets_open_gaps", "BTCUSDT"] == 0
    lag = (now_ms() - UNTIL) / 1000
    assert found["crypto_assets_lag_seconds", "BTCUSDT"] == pytest.approx(lag, abs=60)
    assert ("crypto_assets_lag_seconds", "XRPUSDT") not in found, "it has no candle"
    assert found["crypto_assets_lake_objects", "raw", "klines"] == 1
    assert found["crypto_assets_up", "warehouse"] == found["crypto_assets_up", "lake"] == 1
    assert found["crypto_assets_up", "dagster"] == 0
    assert ("crypto_assets_runs_24h", "success") not in found


def test_requests_are_measured_by_route_not_by_path(api: Api) -> None:
    for symbol in ("BTCUSDT", "XRPUSDT", "NOPE"):
        api.get(f"/api/klines/{symbol}")
    api.get("/api/nothing/at/all")
    found = read_metrics(api)
    name, route = "crypto_assets_http_request_seconds_count", "/api/klines/{symbol}"
    assert found[name, "GET", route, "200"] == 2
    assert found[name, "GET", route, "404"] == 1
    assert found[name, "GET", "none", "404"] == 1
    assert not [key for key in found if "NOPE" in key or "/api/nothing/at/all" in key]


def test_a_hanging_component_does_not_delay_others() -> None:
    stuck = threading.Event()
    calls = []

    def hang() -> None:
        calls.append("hanging")
        stuck.wait(120)

    def fail() -> None:
        raise WarehouseUnavailable("the warehouse is away")

    health = HealthMonitor({"a": hang, "b": fail, "c": lambda: None}, timeout_seconds=0.3)
    try:
        for _ in range(3):
            started = time.monotonic()
            assert health.check_all() == {
                "a": "no response within 0.3 s",
                "b": "the warehouse is away",
                "c": None,
            }
            assert time.monotonic() - started < 60
        assert calls == ["hanging"], "a check is not repeated while it runs"
    finally:
        stuck.set()
        health.close()


def test_a_component_is_checked_again_after_some_seconds() -> None:
    now, calls = [0.0], []
    health = HealthMonitor({"a": lambda: calls.append(now[0])}, clock=lambda: now[0])
    for seconds in (0, 1, 4, 6, 7):
        now[0] = seconds
        assert health.check_all() == {"a": None}
    health.close()
    assert calls == [0, 6]


def test_latest_results_do_not_wait_for_checks() -> None:
    answered = threading.Event()
    health = HealthMonitor({"slow": lambda: answered.wait(30)})
    try:
        assert health.list_latest_results() == {}
        answered.set()
        assert health.check_all() == {"slow": None}
        assert health.list_latest_results() == {"slow": None}
    finally:
        answered.set()
        health.close()
