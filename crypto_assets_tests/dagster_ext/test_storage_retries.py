"""A run survives a restart of Dagster's database: it waits, and records every event."""

import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import dagster as dg
import psutil
import pytest
import yaml
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run

from crypto_assets.dagster_ext import storage_retries
from crypto_assets.dagster_ext.executor import owner_stamping_executor
from crypto_assets.settings import load_settings
from crypto_assets_tests.project.repository import text
from crypto_assets_tests.services.dagster_tree import wait_for
from crypto_assets_tests.services.mariadb import (
    DatabaseServer,
    StartServer,
    create_dagster_database,
)

_OUTAGE_SECONDS = 3.0
_EVENTS = 30


@dg.op
def talk(context: dg.OpExecutionContext) -> None:
    """Record an event every tenth of a second, for longer than the outage takes."""
    for number in range(_EVENTS):
        context.log_event(dg.AssetMaterialization("word", metadata={"number": number}))
        time.sleep(0.1)


speech = dg.GraphDefinition("speech", node_defs=[talk]).to_job(executor_def=owner_stamping_executor)


def restart_after_outage(server: DatabaseServer, log: Path) -> "subprocess.Popen[bytes]":
    """Kill a server, and start it again with its data after some seconds."""
    process = psutil.Process(server.pid)
    command, folder = process.cmdline(), process.cwd()
    process.kill()
    process.wait()
    time.sleep(_OUTAGE_SECONDS)
    with log.open("wb") as output:
        return subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Dagster's home with the storage of production, in a process that does not wait yet."""
    monkeypatch.setattr(storage_retries._ProcessTimeout, "seconds", 0.0)
    config = {
        "storage": yaml.safe_load(text("deploy/dagster.yaml"))["storage"],
        # Others copy the output by programs, which Dagster stops without waiting for their end.
        "compute_logs": {
            "module": "dagster._core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        },
    }
    (tmp_path / "dagster.yaml").write_text(yaml.dump(config))
    return tmp_path


def test_a_run_waits_for_dagsters_database(
    own_mariadb: StartServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A killed server keeps what it has committed.
    server = own_mariadb("--innodb-flush-log-at-trx-commit=2")
    with ExitStack() as stack:
        # Stopped last: the database is dropped on the restarted server.
        restarted = stack.enter_context(ExitStack())
        for name, value in stack.enter_context(create_dagster_database(server)).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("crypto_assets.dagster_ext.storage.get_settings", load_settings)
        instance = stack.enter_context(dg.DagsterInstance.from_config(str(home)))
        run = instance.create_run_for_job(speech, status=dg.DagsterRunStatus.STARTING)
        runner = Thread(
            target=execute_run,
            args=(InMemoryJob(speech), run, instance),
            kwargs={"raise_on_error": False},
        )
        runner.start()
        wait_for(lambda: count_events(server, run.run_id) > 0)
        process = restart_after_outage(server, home / "server.log")
        restarted.callback(process.wait)
        restarted.callback(process.kill)
        runner.join()
        ended = instance.get_run_by_id(run.run_id)
        assert ended and ended.status is dg.DagsterRunStatus.SUCCESS
        recorded = instance.get_records_for_run(
            run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        ).records
        words = [record.event_log_entry.asset_materialization for record in recorded]
        assert {word.metadata["number"].value for word in words if word} == set(range(_EVENTS))


def count_events(server: DatabaseServer, run_id: str) -> int:
    with server.connect("dagster") as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM event_logs WHERE run_id = %s AND dagster_event_type = "
            "'ASSET_MATERIALIZATION'",
            (run_id,),
        )
        (count,) = cursor.fetchone() or (0,)
    return int(count)
