"""Charts, pages and commands read from the replica, and say how far it is behind."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from crypto_assets.reports import Reports
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.serving import BEARER, TOKEN, Api
from crypto_assets_tests.api.test_command import started
from crypto_assets_tests.cli.conftest import Desk, desk_at
from crypto_assets_tests.services.dagster_tree import wait_for
from crypto_assets_tests.services.mariadb import DatabaseServer, StartServer
from crypto_assets_tests.warehouse.minutes import FETCHED, START, SYMBOL, batch, minutes, track

DATABASE = "market"
PASSWORD = "Secret-1"
LAG_SECONDS = 90


@dataclass(frozen=True)
class Pair:
    """A primary and its replica, with the users that `crypto-assets init --grants` names."""

    primary: DatabaseServer
    replica: DatabaseServer
    warehouse: Warehouse
    environment: dict[str, str]

    def load(self, count: int, fetched_at: int) -> None:
        self.warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, count), fetched_at)])

    def wait_until_replicated(self) -> None:
        deadline = time.monotonic() + 30
        while self.warehouse.read_server.measure_lag():
            assert time.monotonic() < deadline

    def readers(self) -> int:
        """Count the connections of the reader to the replica."""
        with self.replica.connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'reader'"
            )
            (count,) = cursor.fetchone() or (0,)
        return int(count)


@pytest.fixture(scope="module")
def pair(own_mariadb: StartServer) -> Iterator[Pair]:
    primary = own_mariadb("--log-bin=primary", "--server-id=1")
    replica = own_mariadb("--server-id=2", "--read-only=1")
    replica.execute(
        f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={primary.port}, MASTER_USER='root'",
        "START SLAVE",
    )
    url = primary.url(DATABASE, "writer", PASSWORD)
    read_url = replica.url(DATABASE, "reader", PASSWORD)
    warehouse = Warehouse(url, read_url)
    statements = warehouse.format_grants().replace("choose-a-password", PASSWORD).split(";\n")
    primary.execute(*(statement for statement in statements if statement.strip()))
    warehouse.migrate_schema()
    track(warehouse)
    yield Pair(
        primary,
        replica,
        warehouse,
        {"WAREHOUSE_URL": url, "WAREHOUSE_READ_URL": read_url, "OPERATOR_TOKEN": TOKEN},
    )
    warehouse.close()


@pytest.fixture
def desk(pair: Pair, tmp_path: Path) -> Desk:
    return desk_at(tmp_path / "home", "http://127.0.0.1:9", **pair.environment)


def count_candles(api: Api) -> int:
    return len(api.read(f"/api/klines/{SYMBOL}", interval="1m", limit=1000)["data"])


def read_lag(api: Api) -> str | None:
    """Return the header of a response with candles."""
    headers = api.get(f"/api/klines/{SYMBOL}", interval="1m").headers
    return headers.get("X-Replica-Lag-Ms")


def test_a_replica_that_stops_applying(pair: Pair, desk: Desk) -> None:
    pair.load(10, FETCHED)
    pair.wait_until_replicated()
    assert "behind" not in desk.run("status").out
    with started(desk) as (_, api):
        assert count_candles(api) == 10
        assert pair.readers() > 0
        assert api.read("/api/pipeline/status")["data"]["replica_lag_ms"] == 0
        wait_for(lambda: read_lag(api) == "0")
        pair.replica.execute("STOP SLAVE SQL_THREAD")
        pair.load(20, FETCHED + LAG_SECONDS * 1000)
        assert count_candles(api) == 10
        answer = api.read("/api/pipeline/status")["data"]
        assert answer["replica_lag_ms"] == LAG_SECONDS * 1000
        assert f"crypto_assets_replica_lag_seconds {LAG_SECONDS}.0" in api.get("/metrics").text
        wait_for(lambda: read_lag(api) == str(LAG_SECONDS * 1000))
        assert "x-replica-lag-ms" not in api.get("/health").headers
        ran = desk.run("status")
        assert f"The replica is {LAG_SECONDS} s behind" in ran.out
        assert "replica" not in ran.err
        pair.replica.execute("START SLAVE SQL_THREAD")
        pair.wait_until_replicated()
        assert api.read("/api/pipeline/status")["data"]["replica_lag_ms"] == 0
        assert len(api.read("/api/klines/BTCUSDT", interval="1m", limit=20)["data"]) == 20


def test_the_reader_serves_every_read_of_the_api(pair: Pair, desk: Desk) -> None:
    """What the reader may not read, such as settings and quarantine, comes from the primary."""
    pair.load(20, FETCHED + LAG_SECONDS * 1000)
    pair.wait_until_replicated()
    with started(desk) as (_, api):
        paths = [
            path
            for path, methods in api.read("/openapi.json")["paths"].items()
            if "get" in methods and not path.startswith(("/health", "/metrics"))
        ]
        assert len(paths) > 20
        for path in paths:
            answer = api.get(path.replace("{symbol}", SYMBOL))
            assert "privilege" not in answer.text, (path, answer.text)
            assert answer.status_code != 500, (path, answer.text)


def test_charts_of_the_replica_need_no_primary(pair: Pair) -> None:
    pair.load(20, FETCHED + LAG_SECONDS * 1000)
    pair.wait_until_replicated()
    nowhere = f"mysql+pymysql://writer@127.0.0.1:9/{DATABASE}"
    warehouse = Warehouse(nowhere, pair.environment["WAREHOUSE_READ_URL"])
    reports = Reports(warehouse)
    chart = reports.get_chart(SYMBOL.lower(), "1m", [("rsi", {})])
    assert chart.candles.table.num_rows == 20
    assert [each.symbol for each in reports.list_all_instruments()] == [SYMBOL]
    assert reports.list_gaps(SYMBOL) == []
    warehouse.close()


def test_a_replica_that_is_down(own_mariadb: StartServer, pair: Pair, desk: Desk) -> None:
    """Reads fail in one line that names the replica; writes go to the primary."""
    lost = own_mariadb()
    place = f"127.0.0.1:{lost.port}"
    os.kill(lost.pid, signal.SIGKILL)
    url = lost.url(DATABASE, "reader", PASSWORD)
    gone = desk_at(
        desk.home, "http://127.0.0.1:9", **{**pair.environment, "WAREHOUSE_READ_URL": url}
    )
    ran = gone.run("status")
    assert ran.code == 1
    assert f"the warehouse at {place} does not respond" in ran.complaint
    with started(gone) as (_, api):
        answer = api.get(f"/api/klines/{SYMBOL}", BEARER, interval="1m")
        assert answer.status_code == 503
        assert place in answer.text
        assert place in api.get("/health", BEARER).json()["warehouse"]["detail"]
        assert api.send("DELETE", f"/api/symbols/{SYMBOL}", headers=BEARER).status_code == 200
    track(pair.warehouse)
