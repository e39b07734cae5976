"""A code server with the code of a test, and the run queue that launches its runs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import (
    QueuedRunCoordinatorDaemon,
)
from dagster._grpc.client import DagsterGrpcClient

from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.services.dagster_tree import wait_for

_LOCATION = "tested"


class CodeServer:
    """A code server of Dagster, which runs in a folder with its code."""

    def __init__(self, folder: Path, code: str, **variables: str) -> None:
        self._folder = folder
        self._variables = variables
        self.port = require_free_port(0)
        self._client = DagsterGrpcClient(host="127.0.0.1", port=self.port)
        self.target = GrpcServerTarget("127.0.0.1", self.port, None, _LOCATION)
        (folder / "jobs.py").write_text(code)

    @contextmanager
    def serve(self) -> Iterator["subprocess.Popen[bytes]"]:
        command = ["-m", "dagster", "api", "grpc", "-p", str(self.port)]
        file = ["-f", str(self._folder / "jobs.py")]
        with (self._folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *command, *file],
                cwd=self._folder,
                env={**os.environ, **self._variables},
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
        (repository,) = request.get_code_location(_LOCATION).get_repositories().values()
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
