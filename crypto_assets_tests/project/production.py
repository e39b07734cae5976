"""The running services of the one-machine size, with what tests ask of them in outages."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

import psutil
from pydantic import SecretStr

from crypto_assets.errors import OrchestratorError
from crypto_assets.exchange.simulated import SimulatedExchange
from crypto_assets.orchestrator import Kind, Orchestrator
from crypto_assets.orchestrator.backfills import BackfillProgress
from crypto_assets.orchestrator.run_queue import BACKFILL_TAGS
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets_tests.access.serving import OPERATOR_TOKEN
from crypto_assets_tests.project.compose import Machine
from crypto_assets_tests.services import dagster_daemon
from crypto_assets_tests.services.mariadb import DatabaseServer

SYMBOL = "BTCUSDT"
FIRST = date(2025, 1, 1)
# Sunday 2025-06-01 12:00:30 UTC, on a clock that does not move.
NOW = 1_748_779_230_000
DAEMON = [sys.executable, "-m", dagster_daemon.__name__]
READY_SECONDS = 180
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

    def start_dagster(self) -> None:
        """Start code server, webserver and daemon; schedules and sensors keep their state."""
        self.start_code()
        self.start_webserver()
        self.start_daemon()

    def start_webserver(self) -> None:
        self.machine.start("webserver")
        wait_for(lambda: self.machine.healthy("webserver"), READY_SECONDS)

    def start_daemon(self) -> None:
        self.machine.start("daemon", DAEMON)
        wait_for(lambda: not self.orchestrator.list_unhealthy_daemons(), READY_SECONDS)

    def stop_automation(self) -> None:
        """Stop every schedule and sensor but the one that fails abandoned runs."""
        for kind in Kind:
            for one in self.orchestrator.list_instigators(kind):
                if one.name != "left_runs":
                    self.orchestrator.switch_instigator(kind, one.name, running=False)

    def start_code(self) -> None:
        self.machine.start("code")
        wait_for(lambda: self.machine.healthy("code"), READY_SECONDS)

    def is_loaded(self) -> bool:
        """Whether the webserver has loaded the code location."""
        try:
            return bool(self.orchestrator.list_instigators(Kind.SCHEDULE))
        except OrchestratorError:
            return False


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
    """Stop a service as `docker stop` does, which ends what it has left running too."""
    process = machine.running[name]
    family = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        kill_service(machine, name)
    for one in family:
        if one.is_running():
            one.kill()
    psutil.wait_procs(family, timeout=20)
