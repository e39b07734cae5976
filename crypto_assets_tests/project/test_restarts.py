"""The one-machine size survives outages: each ends with its backfill complete.

The services run by the commands and settings of docker-compose.yml and `deploy/dagster.yaml`.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
from pydantic import SecretStr

from crypto_assets.dagster_ext.run_liveness import RUN_OWNER_TAG
from crypto_assets.errors import OrchestratorError
from crypto_assets.exchange.simulated import (
    FaultScript,
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.orchestrator import Kind, Orchestrator
from crypto_assets.orchestrator.backfills import BackfillProgress
from crypto_assets.orchestrator.run_queue import BACKFILL_TAGS
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets_tests.access.serving import OPERATOR_TOKEN
from crypto_assets_tests.project.compose import Machine
from crypto_assets_tests.project.test_one_machine import run_machine
from crypto_assets_tests.services import dagster_daemon
from crypto_assets_tests.services.mariadb import DatabaseServer, StartServer
from crypto_assets_tests.services.s3 import S3Server

pytestmark = pytest.mark.timeout(600)

SYMBOL = "BTCUSDT"
FIRST = date(2025, 1, 1)
# Sunday 2025-06-01 12:00:30 UTC, on a clock that does not move.
NOW = 1_748_779_230_000
OUTAGE_SECONDS = 20
DATABASE_OUTAGE_SECONDS = 30
# From the end of an outage to that of the backfill. It is three minutes with Dagster's own daemon,
# which evaluates a backfill every 30 seconds, at its start and at its end.
LIMIT_SECONDS = 120
DAEMON = [sys.executable, "-m", dagster_daemon.__name__]
# The daemon writes it when the code server has started the process of a run.
LAUNCHED = "Launched 1 runs."
STOP_SECONDS = 60  # `stop_grace_period` of the service

Seen = TypeVar("Seen")


def wait_for(look: Callable[[], Seen], seconds: float) -> Seen:
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"nothing within {seconds} s: {seen!r}"
        time.sleep(0.05)
    return seen


@dataclass
class Production:
    """The running services, and the server with Dagster's database."""

    machine: Machine
    storage: DatabaseServer
    exchange: SimulatedExchange
    _next_day: date = FIRST

    @property
    def orchestrator(self) -> Orchestrator:
        token = SecretStr(OPERATOR_TOKEN)
        return Orchestrator(self.machine.here("http://webserver:3000"), token=token)

    def launch_backfill(self, days: int) -> str:
        """Launch a backfill of days that no test has loaded yet."""
        wait_for(self.is_loaded, 120)
        dates = [self._next_day + timedelta(days=number) for number in range(days)]
        self._next_day = dates[-1] + timedelta(days=1)
        keys = [f"{day}|{SYMBOL}" for day in dates]
        return self.orchestrator.launch_backfill(
            [stage.value for stage in KlinesStage], keys, BACKFILL_TAGS, "a test"
        )

    def list_runs(self, backfill_id: str, *statuses: str) -> dict[str, dict[str, str]]:
        """Return the tags of a backfill's runs with these statuses, by run id."""
        wanted = ", ".join(f"'{status}'" for status in statuses)
        query = (
            f"SELECT run_id, run_body FROM runs JOIN run_tags USING (run_id) WHERE `key` = "
            f"'dagster/backfill' AND value = '{backfill_id}' AND status IN ({wanted})"
        )
        with self.storage.connect("dagster") as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return {run_id: json.loads(body)["tags"] for run_id, body in cursor.fetchall()}

    def count_materializations(self, backfill_id: str) -> int:
        """Count the events that the running runs of a backfill have recorded of partitions."""
        runs = "', '".join(self.list_runs(backfill_id, "STARTED"))
        with self.storage.connect("dagster") as connection, connection.cursor() as cursor:
            cursor.execute(
                f"SELECT COUNT(*) FROM event_logs WHERE run_id IN ('{runs}') AND "
                "dagster_event_type = 'ASSET_MATERIALIZATION'"
            )
            (count,) = cursor.fetchone() or (0,)
        return int(count)

    def require_success(self, backfill_id: str, seconds: float) -> BackfillProgress:
        """Wait until a backfill has ended, and check that nothing of it failed."""

        def find_ended() -> BackfillProgress | None:
            try:
                progress = self.orchestrator.get_backfill(backfill_id)
            except OrchestratorError:  # while the database or the code server starts
                return None
            return progress if progress.ended else None

        ended = wait_for(find_ended, seconds)
        assert ended.status == "COMPLETED_SUCCESS", ended
        assert (ended.materialized, ended.failed) == (ended.targeted, 0)
        return ended

    def start_code(self) -> None:
        self.machine.start("code")
        wait_for(lambda: self.machine.healthy("code"), 90)

    def is_loaded(self) -> bool:
        """Whether the webserver has loaded the code location."""
        try:
            return bool(self.orchestrator.list_instigators(Kind.SCHEDULE))
        except OrchestratorError:
            return False


@pytest.fixture(scope="module")
def production(
    own_mariadb: StartServer,
    s3_server: S3Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Production]:
    """Code server, webserver and daemon; of the sensors only the one that fails abandoned runs."""
    # A killed server keeps what it has committed.
    storage = own_mariadb("--innodb-flush-log-at-trx-commit=2")
    # Not the session's, whose users have the passwords of another test.
    warehouse = own_mariadb()
    exchange = SimulatedExchange(
        GeneratedCandles(1, False), SimulatedClock(NOW, 0), FaultScript([])
    )
    folder = tmp_path_factory.mktemp("restarts")
    with (
        start_exchange_server(exchange) as url,
        run_machine(folder, url, warehouse, s3_server, storage) as machine,
    ):
        production = Production(machine, storage, exchange)
        prepared = machine.run("init")
        assert prepared.returncode == 0, prepared.stdout.decode()
        production.start_code()
        machine.start("webserver")
        wait_for(lambda: machine.healthy("webserver"), 90)
        for kind in Kind:
            for one in production.orchestrator.list_instigators(kind):
                if one.name != "left_runs":
                    production.orchestrator.switch_instigator(kind, one.name, running=False)
        machine.start("daemon", DAEMON)
        wait_for(lambda: not production.orchestrator.list_unhealthy_daemons(), 90)
        yield production


def kill_service(machine: Machine, name: str) -> None:
    """Kill a service with all of its processes, as the end of a container does."""
    process = machine.running[name]
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for one in family:
        if one.is_running():
            one.kill()
    process.wait()
    psutil.wait_procs(family, timeout=20)


def stop_service(machine: Machine, name: str) -> None:
    """Stop a service as `docker stop` does."""
    process = machine.running[name]
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        kill_service(machine, name)


def test_a_code_server_that_is_stopped_in_a_backfill(production: Production) -> None:
    production.exchange.faults.add_rule({"do": "stall", "seconds": 1, "path": "/data/*"})
    backfill = production.launch_backfill(days=60)
    wait_for(lambda: production.list_runs(backfill, "STARTED"), 120)
    stop_service(production.machine, "code")
    time.sleep(OUTAGE_SECONDS)
    production.exchange.faults.clear_rules()
    since = time.monotonic()
    production.start_code()
    production.require_success(backfill, LIMIT_SECONDS - (time.monotonic() - since))


def test_a_code_server_that_is_killed_while_a_run_starts(production: Production) -> None:
    """The run has a process, which has not stamped it: the code server alone knew of it."""
    log = production.machine.logs / "daemon.log"
    launched = log.read_text().count(LAUNCHED)
    backfill = production.launch_backfill(days=2)
    wait_for(lambda: log.read_text().count(LAUNCHED) > launched, 120)
    kill_service(production.machine, "code")
    (killed,) = production.list_runs(backfill, "STARTING")
    assert RUN_OWNER_TAG not in production.list_runs(backfill, "STARTING")[killed]
    since = time.monotonic()
    production.start_code()
    wait_for(lambda: production.list_runs(backfill, "FAILURE"), 90)
    production.require_success(backfill, LIMIT_SECONDS - (time.monotonic() - since))


def test_dagsters_database_is_killed_in_a_backfill(production: Production, tmp_path: Path) -> None:
    production.exchange.faults.add_rule({"do": "stall", "seconds": 1, "path": "/data/*"})
    backfill = production.launch_backfill(days=60)
    wait_for(lambda: production.count_materializations(backfill) > 0, 120)
    server = psutil.Process(production.storage.pid)
    command, folder = server.cmdline(), server.cwd()
    server.kill()
    time.sleep(DATABASE_OUTAGE_SECONDS)
    production.exchange.faults.clear_rules()
    with (tmp_path / "server.log").open("wb") as log:
        restarted = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        production.require_success(backfill, LIMIT_SECONDS)
    finally:
        restarted.kill()
        restarted.wait()
