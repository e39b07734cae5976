"""Runs that are launched while their code server stops."""

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.errors import DagsterLaunchFailedError
from dagster._core.launcher import LaunchRunContext
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._grpc import proxy_server, server

from crypto_assets.dagster_ext.run_launcher import SHUTDOWN_ANSWER, RestartTolerantLauncher
from crypto_assets_tests.dagster_ext.code_server import CodeServer, RunQueue
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
CONFIGS = ("dagster.yaml", "deploy/dagster.yaml")
CLASS = {"module": RestartTolerantLauncher.__module__, "class": "RestartTolerantLauncher"}


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
    code = CodeServer(tmp_path, CODE)
    config = read_queue_config("deploy/dagster.yaml")
    with new_instance(home, config) as instance:
        target = code.target
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
