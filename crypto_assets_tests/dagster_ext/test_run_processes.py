"""Runs as forks of one process, in a real code server."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext

from crypto_assets.installation import BASE_FOLDER_VARIABLE
from crypto_assets_tests.dagster_ext.code_server import CodeServer, RunQueue
from crypto_assets_tests.services.dagster_home import new_instance
from crypto_assets_tests.services.dagster_tree import wait_for

# Each run of `report` writes a file about its process; `long` ends if a file permits it.
CODE = """
import atexit, json, os, random, signal, sys, time
from pathlib import Path

HAS_IMPORTED = "crypto_assets.defs.assets.klines" in sys.modules

import dagster as dg

from crypto_assets.dagster_ext.run_processes import start_runs_as_forks
from crypto_assets.settings import get_settings

start_runs_as_forks()
HERE = Path(__file__).parent

@dg.op
def describe(context: dg.OpExecutionContext) -> None:
    atexit.register((HERE / f"{context.run_id}.ended").touch)
    (HERE / f"{context.run_id}.json").write_text(json.dumps({
        "pid": os.getpid(),
        "parent": os.getppid(),
        "has_imported": HAS_IMPORTED,
        "is_stoppable": signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN,
        "random": random.random(),
        "symbols": get_settings().symbols,
    }))

@dg.op
def hold():
    (HERE / "running").write_text(str(os.getpid()))
    while not (HERE / "may_end").exists():
        time.sleep(0.05)

@dg.job(executor_def=dg.in_process_executor)
def report():
    describe()

@dg.job(executor_def=dg.in_process_executor)
def long():
    hold()

defs = dg.Definitions(jobs=[report, long])
"""


class Runs:
    """The runs of a code server with CODE."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance, queue: RunQueue) -> None:
        self._folder, self._queue = folder, queue
        self.instance = instance

    def report(self) -> dict[str, Any]:
        """Execute a run, and return what it reports about its process."""
        run_id = self._queue.submit("report")
        wait_for(lambda: self._queue.complete(run_id), 90)
        wait_for((self._folder / f"{run_id}.ended").exists, 60)
        found: dict[str, Any] = json.loads((self._folder / f"{run_id}.json").read_text())
        return found

    def submit(self, job_name: str) -> str:
        """Launch a run of a job, and return its id."""
        run_id = self._queue.submit(job_name)
        self._queue.launch_queued()
        return run_id

    def start_long(self) -> tuple[str, int]:
        """Start a run that goes on until `allow_end`, and return its id and its process."""
        run_id = self.submit("long")
        running = self._folder / "running"
        wait_for(lambda: running.exists() and running.read_text() != "", 60)
        return run_id, int(running.read_text())

    def allow_end(self) -> None:
        (self._folder / "may_end").touch()

    def require_end(self, run_id: str, status: dg.DagsterRunStatus) -> None:
        wait_for(lambda: self._queue.find_status(run_id) is status, 60)


@contextmanager
def serve_runs(folder: Path, **variables: str) -> Iterator[tuple[Runs, psutil.Process]]:
    """Serve CODE in a folder, and yield its runs and the process of its code server."""
    home = folder / "home"
    home.mkdir()
    code = CodeServer(folder, CODE, **variables)
    with (
        new_instance(home) as instance,
        code.serve() as server,
        WorkspaceProcessContext(instance, code.target) as context,
    ):
        yield Runs(folder, instance, RunQueue(instance, context)), psutil.Process(server.pid)


def test_each_run_is_a_fork_of_a_process_that_has_imported_the_assets(tmp_path: Path) -> None:
    with serve_runs(tmp_path) as (runs, server):
        first, second = runs.report(), runs.report()
        parent = psutil.Process(first["parent"])
        assert parent.parent() == server
        assert second["parent"] == parent.pid and second["pid"] != first["pid"]
        assert first["has_imported"] and first["is_stoppable"]
        assert first["random"] != second["random"]
        # The end of this process alone fails nothing: the next run starts another one.
        parent.kill()
        wait_for(lambda: parent.status() == psutil.STATUS_ZOMBIE, 60)
        third = runs.report()
        assert third["parent"] not in (parent.pid, server.pid)
        assert third["has_imported"]
    wait_for(lambda: not psutil.pid_exists(third["parent"]), 60)


def test_each_run_reads_env_files_again(tmp_path: Path) -> None:
    """As it must, if the keys of S3 in the file are those of a session."""
    file = tmp_path / ".env"
    with serve_runs(tmp_path, **{BASE_FOLDER_VARIABLE: str(tmp_path)}) as (runs, _):
        for symbol in ("BTCUSDT", "ETHUSDT"):
            file.write_text(f"CRYPTO_SYMBOLS={symbol}\n")
            assert runs.report()["symbols"] == [symbol]


def test_invalid_settings_are_logged_and_fail_runs_until_they_are_corrected(
    tmp_path: Path,
) -> None:
    # Not the folder of the code server, which itself takes variables from a file there.
    base = tmp_path / "base"
    base.mkdir()
    file = base / ".env"
    file.write_text("CRYPTO_PARTITION_UNIT=fortnight\n")
    with serve_runs(tmp_path, **{BASE_FOLDER_VARIABLE: str(base)}) as (runs, _):
        runs.require_end(runs.submit("report"), dg.DagsterRunStatus.FAILURE)
        log = (tmp_path / "server.log").read_text()
        assert "each run imports its code by itself" in log
        assert "CRYPTO_PARTITION_UNIT" in log
        file.unlink()
        assert not runs.report()["has_imported"]


def test_a_run_survives_its_code_server(tmp_path: Path) -> None:
    with serve_runs(tmp_path) as (runs, server):
        run_id, pid = runs.start_long()
        server.kill()
        runs.allow_end()
        runs.require_end(run_id, dg.DagsterRunStatus.SUCCESS)
        wait_for(lambda: not psutil.pid_exists(pid), 60)


def test_a_run_can_be_canceled(tmp_path: Path) -> None:
    with serve_runs(tmp_path) as (runs, _):
        run_id, _ = runs.start_long()
        assert runs.instance.run_launcher.terminate(run_id)
        runs.require_end(run_id, dg.DagsterRunStatus.CANCELED)


def test_a_killed_run_fails(tmp_path: Path) -> None:
    """Its code server notices it, since the process that forks says how its forks ended."""
    with serve_runs(tmp_path) as (runs, _):
        run_id, pid = runs.start_long()
        os.kill(pid, signal.SIGKILL)
        runs.require_end(run_id, dg.DagsterRunStatus.FAILURE)


def test_a_stop_of_the_process_group_leaves_the_process_that_forks_to_its_runs(
    tmp_path: Path,
) -> None:
    with serve_runs(tmp_path) as (runs, server):
        found = runs.report()
        parent = psutil.Process(found["parent"])
        parent.send_signal(signal.SIGTERM)
        assert runs.report()["parent"] == parent.pid
        assert server.is_running()


@pytest.mark.parametrize("variable", ["DAGSTER_IS_DEV_CLI"])
def test_dagster_dev_starts_a_new_python_for_each_run(tmp_path: Path, variable: str) -> None:
    with serve_runs(tmp_path, **{variable: "1"}) as (runs, server):
        found = runs.report()
        assert found["parent"] == server.pid
        assert not found["has_imported"]
