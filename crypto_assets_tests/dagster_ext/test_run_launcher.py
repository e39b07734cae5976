"""Runs that are launched while their code server stops."""

import inspect
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.errors import DagsterLaunchFailedError
from dagster._core.launcher import LaunchRunContext
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import (
    QueuedRunCoordinatorDaemon,
)
from dagster._grpc import proxy_server, server
from dagster._grpc.client import DagsterGrpcClient

from crypto_assets.dagster_ext.run_launcher import SHUTDOWN_ANSWER, RestartTolerantLauncher
from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.project.repository import ROOT
from crypto_assets_tests.services.dagster_home import new_instance
from crypto_assets_tests.services.dagster_tree import wait_for

# The server of `long` waits for its end, which a file permits.
CODE = """
import time
from pathlib import Path
import dagster as dg

HERE = Path(__file__).parent

@dg.op
def hold():
    (HERE / "running").touch()
    while not (HERE / "may_end").exists():
        time.sleep(0.05)

@dg.job(executor_def=dg.in_process_executor)
def long():
    hold()

@dg.op
def do_nothing(): ...

@dg.job(executor_def=dg.in_process_executor)
def short():
    do_nothing()

defs = dg.Definitions(jobs=[long, short])
"""
LOCATION = "stopping"
CONFIGS = ("dagster.yaml", "deploy/dagster.yaml")
CLASS = {"module": RestartTolerantLauncher.__module__, "class": "RestartTolerantLauncher"}


class CodeServer:
    """A code server in a folder with CODE."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = require_free_port(0)
        self._client = DagsterGrpcClient(host="127.0.0.1", port=self.port)
        (folder / "long_jobs.py").write_text(CODE)

    @contextmanager
    def serve(self) -> Iterator["subprocess.Popen[bytes]"]:
        command = ["-m", "dagster", "api", "grpc", "-p", str(self.port)]
        file = ["-f", str(self._folder / "long_jobs.py")]
        with (self._folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *command, *file],
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        try:
            wait_for(lambda: process.poll() is not None or "Started" in self._read_log(), 90)
            yield process
        finally:
            process.kill()
            process.wait()

    def order_stop(self) -> None:
        """Tell the server to stop, as Dagster does; it answers until its run has ended."""
        self._client.shutdown_server()

    def _read_log(self) -> str:
        return (self._folder / "server.log").read_text()


class RunQueue:
    """The run queue of one instance, without the rest of the daemon."""

    def __init__(self, instance: dg.DagsterInstance, context: WorkspaceProcessContext) -> None:
        self._instance, self._context = instance, context
        self._daemon = QueuedRunCoordinatorDaemon(interval_seconds=0)

    def submit(self, job_name: str) -> str:
        """Put a run of a job into the queue, and return its id."""
        request = self._context.create_request_context()
        (repository,) = request.get_code_location(LOCATION).get_repositories().values()
        job = repository.get_full_job(job_name)
        missing = dict.fromkeys(
            [
                *("run_id", "run_config", "resolved_op_selection", "step_keys_to_execute"),
                *("root_run_id", "parent_run_id", "execution_plan_snapshot", "op_selection"),
                *("parent_job_snapshot", "asset_selection", "asset_check_selection"),
            ]
        )
        run = self._instance.create_run(
            job_name=job_name,
            status=dg.DagsterRunStatus.NOT_STARTED,
            tags={},
            job_snapshot=job.job_snapshot,
            remote_job_origin=job.get_remote_origin(),
            job_code_origin=job.get_python_origin(),
            asset_graph=repository.asset_graph,
            **missing,
        )
        self._instance.submit_run(run.run_id, request)
        return run.run_id

    def launch_queued(self) -> None:
        list(self._daemon.run_iteration(self._context))

    def find_status(self, run_id: str) -> dg.DagsterRunStatus:
        run = self._instance.get_run_by_id(run_id)
        assert run
        return run.status

    def complete(self, run_id: str) -> bool:
        """Launch what is queued; return whether a run has succeeded. It must never fail."""
        self.launch_queued()
        status = self.find_status(run_id)
        assert status is not dg.DagsterRunStatus.FAILURE
        return status is dg.DagsterRunStatus.SUCCESS


def read_queue_config(name: str) -> dict[str, Any]:
    """Return the run queue and the launcher of a shipped dagster.yaml, without its delay."""
    shipped = yaml.safe_load((ROOT / name).read_text())
    config = {key: shipped[key] for key in ("run_coordinator", "run_launcher")}
    config["run_coordinator"]["config"]["user_code_failure_retry_delay"] = 0
    return config


def test_a_run_waits_for_the_next_code_server(tmp_path: Path) -> None:
    """Dagster's own launcher lets it fail for good, since the server that stops refuses it."""
    home = tmp_path / "home"
    home.mkdir()
    code = CodeServer(tmp_path)
    config = read_queue_config("deploy/dagster.yaml")
    with new_instance(home, config) as instance:
        target = GrpcServerTarget("127.0.0.1", code.port, None, LOCATION)
        with code.serve() as first, WorkspaceProcessContext(instance, target) as context:
            queue = RunQueue(instance, context)
            queue.submit("long")
            queue.launch_queued()
            wait_for((tmp_path / "running").exists, 60)
            short = queue.submit("short")
            code.order_stop()
            queue.launch_queued()
            assert queue.find_status(short) is dg.DagsterRunStatus.QUEUED
            (tmp_path / "may_end").touch()
            first.wait(60)
            with code.serve():
                wait_for(lambda: queue.complete(short), 90)


@pytest.mark.parametrize("module", [server, proxy_server])
def test_dagster_refuses_with_the_text_that_is_known(module: ModuleType) -> None:
    """Of the code servers that Dagster starts itself, and of those of `dagster code-server`."""
    assert f'"{SHUTDOWN_ANSWER}"' in inspect.getsource(module)


def test_both_sizes_have_the_same_launcher() -> None:
    launchers = [read_queue_config(name)["run_launcher"] for name in CONFIGS]
    assert launchers == [CLASS] * 2
    assert CLASS["class"] == RestartTolerantLauncher.__name__


def test_other_refusals_fail_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise DagsterLaunchFailedError("the job does not exist")

    monkeypatch.setattr(dg.DefaultRunLauncher, "launch_run", refuse)
    run = dg.DagsterRun(job_name="short")
    with pytest.raises(DagsterLaunchFailedError, match="does not exist"):
        RestartTolerantLauncher().launch_run(LaunchRunContext(run, None))
