"""Many machines: workers under two host names, of which one is lost in a backfill.

The services run by the commands and settings of docker-compose.yml and of
`deploy/celery/dagster.yaml`.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psutil
import pytest

from crypto_assets.dagster_ext.run_liveness import RUN_OWNER_TAG
from crypto_assets.errors import OrchestratorError
from crypto_assets.exchange.simulated import (
    FaultScript,
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.orchestrator import Kind
from crypto_assets.orchestrator.run_queue import BACKFILL_TAGS
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets_tests.project.compose import Machine
from crypto_assets_tests.project.production import (
    DAEMON,
    Production,
    kill_service,
    wait_for,
)
from crypto_assets_tests.project.test_one_machine import run_machine
from crypto_assets_tests.services.mariadb import DatabaseServer, StartServer
from crypto_assets_tests.services.redis import RedisServer, run_redis
from crypto_assets_tests.services.s3 import S3Server

pytestmark = pytest.mark.timeout(600)

SYMBOL = "BTCUSDT"
FIRST = date(2025, 4, 1)
DAYS, RUN_DAYS = 60, 10
# Sunday 2025-06-01 12:00:30 UTC, on a running clock.
NOW = 1_748_779_230_000
# The shortest that the settings allow; the shipped one is tested in dagster_ext/test_host_watch.py.
TIMEOUT_SECONDS = 45
RETRY_SECONDS = 180
MAX_TICK_WAIT_SECONDS = 5.0
# How long a busy machine may need for what takes seconds on another.
BUSY_SECONDS = 240
WORKER = [sys.executable, "-m", "crypto_assets.dagster_ext.worker"]
BACKFILLS, TICKS = "worker-backfills", "worker-ticks"

_RUNS = """query ($job: String!) { runsOrError(filter: {pipelineName: $job}) {
  ... on Runs { results {
    runId status stats { ... on RunStatsSnapshot { enqueuedTime launchTime startTime } }
  } }
} }"""
_TERMINATE = "mutation ($run: String!) { terminateRun(runId: $run) { __typename } }"


@dataclass
class Cluster(Production):
    """The services, two hosts of workers, Redis, and the warehouse's server."""

    warehouse: DatabaseServer | None = None
    redis: RedisServer | None = None

    def launch_days(self, first: date, days: int) -> str:
        """Launch a backfill of a symbol's days."""
        keys = [f"{first + timedelta(days=number)}|{SYMBOL}" for number in range(days)]
        stages = [stage.value for stage in KlinesStage]
        return self.orchestrator.launch_backfill(stages, keys, BACKFILL_TAGS, "a test")

    def list_owners(self, backfill_id: str, *statuses: str) -> dict[str, str]:
        """Return the hosts of a backfill's runs with these statuses, by run id."""
        return {
            run_id: json.loads(tags[RUN_OWNER_TAG])["host"]
            for run_id, tags in self.list_runs(backfill_id, *statuses).items()
            if RUN_OWNER_TAG in tags
        }

    def run_tick(self) -> None:
        """Launch a tick, unless one is active."""
        try:
            self.orchestrator.run_instigator_now(Kind.SCHEDULE, "ingest_schedule")
        except OrchestratorError:
            return

    def measure_tick_waits(self) -> list[float]:
        """Return the seconds from the queue to the start of each tick that has started."""
        found = self.webserver.run_query(_RUNS, job="ingest")["runsOrError"]["results"]
        times = [run["stats"] for run in found]
        return [one["startTime"] - one["enqueuedTime"] for one in times if one["startTime"]]

    @property
    def webserver(self) -> Any:
        return self.orchestrator._webserver

    def count_rows(self) -> int:
        assert self.warehouse
        with self.warehouse.connect("crypto") as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT COUNT(*), COUNT(DISTINCT open_time) FROM fact_klines WHERE open_time >= %s "
                "AND open_time < %s",
                (_ms(FIRST), _ms(FIRST + timedelta(days=DAYS))),
            )
            rows, minutes = cursor.fetchone() or (0, 0)
        assert rows == minutes
        return int(rows)

    def call(self, *command: str) -> "subprocess.CompletedProcess[bytes]":
        """Run a command with the settings of the service `init`."""
        return self.machine._call("init", [sys.executable, "-m", "crypto_assets", *command])


def _ms(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86_400_000


@pytest.fixture(scope="module")
def cluster(
    own_mariadb: StartServer, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    server = own_mariadb()
    exchange = SimulatedExchange(
        GeneratedCandles(1, False), SimulatedClock(NOW, 1), FaultScript([])
    )
    folder = tmp_path_factory.mktemp("workers")
    queue = folder / "redis"
    queue.mkdir()
    with (
        start_exchange_server(exchange) as url,
        run_redis(queue) as redis,
        run_machine(
            folder,
            url,
            server,
            s3_server,
            config="deploy/celery/dagster.yaml",
            BROKER_URL=redis.url,
            CRYPTO_SYMBOLS=SYMBOL,
            CRYPTO_BACKFILL_RUN_DAYS=str(RUN_DAYS),
            CRYPTO_WORKER_TIMEOUT_SECONDS=str(TIMEOUT_SECONDS),
            BACKFILL_PROCESSES="1",
        ) as machine,
    ):
        cluster = Cluster(machine, server, exchange, warehouse=server, redis=redis)
        prepared = machine.run("init")
        assert prepared.returncode == 0, prepared.stdout.decode()
        machine.start("code")
        start_worker(machine, TICKS, "w1")
        start_worker(machine, BACKFILLS, "w1")
        start_worker(machine, BACKFILLS, "w2")
        wait_for(lambda: machine.healthy("code"), BUSY_SECONDS)
        machine.start("webserver")
        wait_for(lambda: machine.healthy("webserver"), BUSY_SECONDS)
        wait_for(cluster.is_loaded, BUSY_SECONDS)
        for kind in Kind:
            for one in cluster.orchestrator.list_instigators(kind):
                if one.name != "left_runs":
                    cluster.orchestrator.switch_instigator(kind, one.name, running=False)
        cluster.orchestrator.add_symbol_partitions([SYMBOL])
        machine.start("daemon", DAEMON)
        wait_for(lambda: not cluster.orchestrator.list_unhealthy_daemons(), BUSY_SECONDS)
        yield cluster


def start_worker(machine: Machine, name: str, host: str) -> None:
    machine.start(name, WORKER, host=host)


def test_a_lost_host_in_a_backfill(cluster: Cluster) -> None:
    """One host is killed whole, and Redis with it; the ticks go on."""
    cluster.exchange.faults.add_rule({"do": "stall", "seconds": 0.3, "path": "/data/*"})
    backfill = cluster.launch_days(FIRST, DAYS)
    wait_for(
        lambda: {"w1", "w2"} <= set(cluster.list_owners(backfill, "STARTED").values()),
        120,
    )
    wait_for(lambda: cluster.count_materializations(backfill) > 0, BUSY_SECONDS)
    owners = cluster.list_owners(backfill, "STARTED")
    (lost,) = (run for run, host in owners.items() if host == "w2")
    kill_service(cluster.machine, f"{BACKFILLS}@w2")
    assert cluster.redis
    cluster.redis.kill()
    cluster.redis.start()
    cluster.exchange.faults.clear_rules()

    def is_retried() -> bool:
        cluster.run_tick()
        runs = cluster.list_runs(backfill, "STARTED", "SUCCESS")
        return any(tags.get("dagster/parent_run_id") == lost for tags in runs.values())

    wait_for(is_retried, RETRY_SECONDS)
    said = cluster.call("status").stdout.decode()
    assert re.search(r"w2\W+backfills\W+lost", said), said
    assert re.search(r"w1\W+ticks\W+live", said), said
    ended = cluster.require_success(backfill, BUSY_SECONDS)
    runs = cluster.list_runs(backfill, "SUCCESS", "FAILURE")
    assert set(cluster.list_runs(backfill, "FAILURE")) == {lost}
    assert len(runs) == DAYS // RUN_DAYS + 1
    assert ended.key_count == DAYS
    assert cluster.count_rows() == DAYS * 1440
    assert set(cluster.list_owners(backfill, "SUCCESS").values()) == {"w1"}
    last = FIRST + timedelta(days=DAYS - 1)
    verified = cluster.call("verify", "--from", str(FIRST), "--to", str(last))
    assert verified.returncode == 0, verified.stdout.decode()
    waits = cluster.measure_tick_waits()
    assert len(waits) > 3
    assert max(waits) < MAX_TICK_WAIT_SECONDS


def test_a_killed_process_a_canceled_run_and_a_drained_worker(cluster: Cluster) -> None:
    name = f"{BACKFILLS}@w1"
    main = psutil.Process(cluster.machine.running[name].pid)
    cluster.exchange.faults.add_rule({"do": "stall", "seconds": 1, "path": "/data/*"})
    first = cluster.launch_days(FIRST, RUN_DAYS)
    (run,) = wait_for(lambda: cluster.list_owners(first, "STARTED"), BUSY_SECONDS)
    (process,) = main.children()
    process.kill()
    second = cluster.launch_days(FIRST, RUN_DAYS)
    (canceled,) = wait_for(lambda: cluster.list_owners(second, "STARTED"), BUSY_SECONDS)
    cluster.webserver.run_query(_TERMINATE, run=canceled)
    wait_for(lambda: canceled in cluster.list_runs(second, "CANCELED"), BUSY_SECONDS)
    wait_for(lambda: run in cluster.list_runs(first, "FAILURE"), BUSY_SECONDS)
    retried = wait_for(lambda: cluster.list_owners(first, "STARTED"), BUSY_SECONDS)
    cluster.machine.running[name].terminate()
    cluster.exchange.faults.clear_rules()
    assert cluster.machine.running[name].wait(BUSY_SECONDS) == 0, cluster.machine.output(name)
    assert cluster.list_owners(first, "SUCCESS") == retried
    assert re.search(r"w1\W+backfills", cluster.call("status").stdout.decode()) is None
    lines = [json.loads(line) for line in cluster.machine.read_log(name)]
    assert {line["process"] for line in lines} == {"worker"}
    assert retried.keys() <= {line["run_id"] for line in lines if line.get("job")}
