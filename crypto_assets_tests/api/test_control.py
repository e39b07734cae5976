"""Schedules, sensors, backfills and maintenance over HTTP, with a real Dagster."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.market.utc_time import MINUTE_MS, day_of, floor_ms, now_ms
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.contract import check_contract
from crypto_assets_tests.api.dagster_server import DagsterServer, dagster_over
from crypto_assets_tests.api.serving import Api, create_context, serve_api

SCHEDULE, SENSOR = "/api/schedules/ingest_schedule", "/api/sensors/symbols"


@pytest.fixture(scope="module")
def exchange() -> Iterator[SimulatedExchange]:
    yield SimulatedExchange(GeneratedCandles(1, False), SimulatedClock(now_ms(), 1))


@pytest.fixture(scope="module")
def dagster(
    exchange: SimulatedExchange, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DagsterServer]:
    """A Dagster without a daemon, until a test starts it."""
    folder = tmp_path_factory.mktemp("dagster")
    with (
        start_exchange_server(exchange) as url,
        dagster_over(folder, url, SYMBOLS="BTCUSDT,ETHUSDT") as server,
    ):
        yield server


@pytest.fixture(scope="module")
def api(dagster: DagsterServer) -> Iterator[Api]:
    home = dagster.desk.home
    warehouse = Warehouse(f"sqlite:///{home / 'warehouse.db'}")
    exchange_url = dagster.desk.environment["CRYPTO_EXCHANGE_URL"]
    with serve_api(create_context(warehouse, home / "lake", exchange_url, dagster.url)) as served:
        yield served


def wait_for(look: Callable[[], Any], seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.5)
    return seen


def named(api: Api, path: str) -> dict[str, Any]:
    return {each["name"]: each for each in api.read(path)["data"]}


def test_schedules_and_sensors_show_state_and_next_tick(api: Api) -> None:
    schedules, sensors = named(api, "/api/schedules"), named(api, "/api/sensors")
    ingest = schedules["ingest_schedule"]
    assert (ingest["kind"], ingest["cron"], ingest["jobs"]) == ("schedule", "* * * * *", ["ingest"])
    assert ingest["running"] and ingest["last_tick"] is None
    assert ingest["next_tick_at"] % MINUTE_MS == 0
    assert 0 <= ingest["next_tick_at"] - floor_ms(now_ms(), MINUTE_MS) <= 2 * MINUTE_MS
    assert sensors["symbols"]["interval_seconds"] == 15 and sensors["symbols"]["cron"] is None
    assert all(each["description"] for each in (*schedules.values(), *sensors.values()))


@pytest.mark.parametrize("path", [SCHEDULE, SENSOR])
def test_schedules_and_sensors_stop_and_start(api: Api, path: str) -> None:
    collection, _, name = path.rpartition("/")
    for running_ in (False, False, True, True, False):
        answer = api.send("PUT", path, json={"running": running_})
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"]["running"] is running_
        assert named(api, collection)[name]["running"] is running_
    assert named(api, "/api/schedules")["ingest_schedule"]["next_tick_at"] is None or path == SENSOR


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("PUT", "/api/schedules/nope", {"running": True}, 404, "no schedule 'nope'; available: "),
        ("PUT", "/api/sensors/ingest_schedule", {"running": True}, 404, "no sensor 'ingest_sched"),
        ("POST", "/api/sensors/nope/run", None, 404, "no sensor 'nope'; available:"),
        ("POST", "/api/maintenance/nope", None, 404, "no maintenance task 'nope'; available: "),
        ("DELETE", "/api/backfills/nope", None, 404, "Dagster has no backfill 'nope'"),
        ("PUT", SCHEDULE, {"running": "yes"}, 422, "running: Input should be a valid boolean"),
        ("PUT", SCHEDULE, {}, 422, "running: Field required"),
    ],
)
def test_unknown_names_are_a_404_that_lists_valid_ones(
    api: Api, method: str, path: str, body: object, status: int, reason: str
) -> None:
    answer = api.send(method, path, json=body)
    assert answer.status_code == status
    assert reason in answer.json()["detail"]
    assert api.get("/api/backfills/nope").status_code == 404


def test_a_backfill_is_not_queued_without_a_daemon(api: Api) -> None:
    """Days in the future and unknown symbols are refused too."""
    today = day_of(now_ms())
    wanted = {"from": f"{today}", "to": f"{today}"}
    answer = api.send("POST", "/api/backfills", json=wanted)
    assert answer.status_code == 503 and "daemon is not running" in answer.json()["detail"]
    tomorrow = {"from": f"{today}", "to": f"{today + timedelta(days=1)}"}
    answer = api.send("POST", "/api/backfills", json=tomorrow)
    assert answer.status_code == 422 and "is in the future" in answer.json()["detail"]
    unknown = {**wanted, "symbols": ["XRPUSDT"]}
    assert api.send("POST", "/api/backfills", json=unknown).status_code == 404
    assert api.get("/health").json()["dagster"]["ok"] is False


def test_running_a_sensor_adds_partitions(api: Api) -> None:
    assert api.send("POST", "/api/symbols", json={"symbol": "SOLUSDT"}).status_code == 201
    ran = api.send("POST", f"{SENSOR}/run")
    assert ran.status_code == 202
    assert ran.json()["data"]["added_partitions"] == ["SOLUSDT"]
    again = api.send("POST", f"{SENSOR}/run").json()["data"]
    assert again["added_partitions"] == [] and "all 3 tracked symbols" in again["skipped"]


def test_running_a_schedule_loads_candles(api: Api, dagster: DagsterServer) -> None:
    dagster.start_daemon()
    (run_id,) = api.send("POST", f"{SCHEDULE}/run").json()["data"]["run_ids"]
    assert run_id
    data = wait_for(lambda: api.read("/api/klines/BTCUSDT", interval="1m", limit=5)["data"])
    assert now_ms() - data[-1]["open_time"] < 5 * MINUTE_MS
    busy = api.send("POST", f"{SCHEDULE}/run").json()["data"]
    assert busy["run_ids"] or "earlier tick" in busy["skipped"]


def test_maintenance_launches_a_run(api: Api, dagster: DagsterServer) -> None:
    runs = partial(Orchestrator(dagster.url).count_runs, 0)
    # A run that changes its status during the count would be counted twice.
    wait_for(lambda: not (runs()["QUEUED"] or runs()["STARTED"]))
    before = sum(runs().values())
    launched = api.send("POST", "/api/maintenance/retention")
    assert launched.status_code == 202 and launched.json()["data"]["run_id"]
    wait_for(lambda: sum(runs().values()) == before + 1)
    warehouse = Warehouse(f"sqlite:///{dagster.desk.home / 'warehouse.db'}")
    (change,) = warehouse.app_settings.list_changes(1)
    warehouse.close()
    assert (change.name, change.new, change.who, change.address) == (
        *("maintenance retention", "run by hand"),
        *("the API", "127.0.0.1"),
    )


def test_a_backfill_is_launched_shown_and_canceled(api: Api) -> None:
    today = day_of(now_ms())
    wanted = {
        "symbols": ["ethusdt"],
        "from": f"{today - timedelta(days=9)}",
        "to": f"{today - timedelta(days=1)}",
    }
    launched = api.send("POST", "/api/backfills", json=wanted)
    assert launched.status_code == 202, launched.text
    backfill = launched.json()["data"]
    assert backfill["partitions"] == 9
    assert backfill["title"] == f"ETHUSDT {wanted['from']} to {wanted['to']}"
    path = f"/api/backfills/{backfill['id']}"
    seen = api.read(path)["data"]
    assert seen["targeted"] == 9 * 4 and not seen["ended"] and seen["title"] == backfill["title"]
    canceled = api.send("DELETE", path)
    assert canceled.status_code == 200
    assert canceled.json()["data"]["status"] in {"CANCELING", "CANCELED"}
    ended = wait_for(lambda: (seen := api.read(path)["data"])["ended"] and seen)
    assert ended["status"] == "CANCELED" and not ended["succeeded"]
    assert api.send("DELETE", path).json()["data"]["status"] == "CANCELED"


def test_health_and_metrics_report_a_working_dagster(api: Api) -> None:
    wait_for(lambda: api.get("/health").status_code == 200)
    metrics = api.get("/metrics").text
    assert 'crypto_assets_up{part="dagster"} 1.0' in metrics
    assert 'crypto_assets_runs_24h{status="success"}' in metrics


def test_responses_match_the_openapi_document(api: Api, tmp_path: Path) -> None:
    """Must be the last test of the module, because it sends arbitrary requests."""
    wait_for(lambda: api.get("/health").status_code == 200)
    tags = ("--include-tag", "control", "--include-tag", "backfills", "--include-tag", "health")
    check_contract(api, tmp_path, *tags)
