"""Runs of killed processes are failed; live, queued and foreign runs never are."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._check import CheckError
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._grpc.client import DagsterGrpcClient
from pydantic import SecretStr

from crypto_assets.dagster_ext.executor import owner_stamping_executor
from crypto_assets.dagster_ext.host_watch import HostWatch
from crypto_assets.dagster_ext.run_liveness import (
    RUN_OWNER_TAG,
    RunOwner,
    end_unfinished_run,
    fail_abandoned_runs,
)
from crypto_assets.definitions import defs
from crypto_assets.defs import abandoned_runs
from crypto_assets.defs.abandoned_runs import abandoned_runs_sensor
from crypto_assets.market.utc_time import DAY_MS, now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.settings import Settings
from crypto_assets.tcp_ports import require_free_port
from crypto_assets.warehouse.catalog.worker_heartbeats import WorkerHeartbeat
from crypto_assets.wiring import open_pipeline_context
from crypto_assets_tests.services.dagster_home import new_instance
from crypto_assets_tests.services.dagster_tree import wait_for

STARTING, STARTED = dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED
# Above the highest pid of a machine.
DEAD = replace(RunOwner.current_process(), pid=2**22 + 1)

RUNNER = """
import sys, time, dagster as dg
from crypto_assets.dagster_ext.executor import owner_stamping_executor

def sleep(where):
    if where == sys.argv[2]:
        print("working", flush=True)
        time.sleep(60)

@dg.resource
def warehouse(_):
    sleep("resource")

@dg.op(required_resource_keys={"warehouse"})
def load():
    sleep("step")

@dg.job(executor_def=owner_stamping_executor, resource_defs={"warehouse": warehouse})
def sleeper():
    load()

if __name__ == "__main__":
    with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
        dg.execute_job(dg.reconstructable(sleeper), instance=instance)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return tmp_path


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@dg.job
def ingest() -> None: ...


def make(
    instance: dg.DagsterInstance,
    worker: RunOwner | None = None,
    status: dg.DagsterRunStatus = STARTED,
    tags: Mapping[str, str] | None = None,
) -> str:
    run = instance.create_run_for_job(ingest, status=status, tags=tags)
    if worker:
        signature = json.dumps({"run": run.run_id, **asdict(worker)})
        instance.add_run_tags(run.run_id, {RUN_OWNER_TAG: signature})
    return run.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run
    return run.status


@pytest.mark.parametrize("where", ["resource", "step"])
def test_a_run_of_a_killed_process_is_failed(
    home: Path, instance: dg.DagsterInstance, where: str
) -> None:
    """Also before its first step, while a resource waits for a store."""
    (home / "runner.py").write_text(RUNNER)
    command = [sys.executable, str(home / "runner.py"), str(home), where]
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as runner:
        assert runner.stdout
        assert runner.stdout.readline() == b"working\n"
        (run,) = instance.get_runs()
        assert fail_abandoned_runs(instance) == [], "its process is alive"
        runner.kill()
        runner.wait()
        assert status(instance, run.run_id) is dg.DagsterRunStatus.STARTED
        assert fail_abandoned_runs(instance) == [run.run_id]
        assert status(instance, run.run_id) is dg.DagsterRunStatus.FAILURE
        assert fail_abandoned_runs(instance) == []


def test_reboot_reused_pid_and_dead_process_count_as_gone(instance: dg.DagsterInstance) -> None:
    gone = [
        replace(RunOwner.current_process(), boot="an earlier boot"),
        replace(RunOwner.current_process(), born=1),  # the pid has been reused
        DEAD,
    ]
    made = [make(instance, one, at) for one in gone for at in (STARTING, STARTED)]
    assert sorted(fail_abandoned_runs(instance)) == sorted(made)
    assert {status(instance, one) for one in made} == {dg.DagsterRunStatus.FAILURE}


def test_every_job_uses_the_owner_stamping_executor() -> None:
    jobs = defs.get_repository_def().get_all_jobs()
    assert {job.name for job in jobs} >= {"ingest", "thin_history", "maintenance", "__ASSET_JOB"}
    assert {job.name for job in jobs if job.executor_def is not owner_stamping_executor} == set()


def test_setting_the_clock_fails_no_run(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel then reports another boot time, which psutil adds to the start time."""
    started, boot_time = psutil.Process().create_time(), psutil._pslinux.boot_time
    make(instance, RunOwner.current_process())
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: boot_time() + 3600)
    assert psutil.Process().create_time() > started + 3000
    assert fail_abandoned_runs(instance) == []


@pytest.mark.parametrize("gone", [False, True])
def test_an_owner_tag_of_an_older_version(instance: dg.DagsterInstance, gone: bool) -> None:
    """It has a time of day instead of `born`: a live process with its pid is enough."""
    run_id = make(instance)
    older = {
        **asdict(DEAD if gone else RunOwner.current_process()),
        "run": run_id,
        "started": 1_700_000_000_000,
    }
    del older["born"]
    instance.add_run_tags(run_id, {RUN_OWNER_TAG: json.dumps(older)})
    assert fail_abandoned_runs(instance) == ([run_id] if gone else [])


def test_a_process_name_with_spaces_and_parentheses(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    odd = tmp_path / "a) S 1 (b"
    odd.symlink_to("/bin/sleep")
    with subprocess.Popen([odd, "60"]) as process:
        born = round(psutil.Process(process.pid).create_time() - psutil.boot_time(), 2)
        ticks = round(born * os.sysconf("SC_CLK_TCK"))
        make(instance, replace(RunOwner.current_process(), pid=process.pid, born=ticks))
        assert fail_abandoned_runs(instance) == []
        process.kill()
        process.wait()
        assert len(fail_abandoned_runs(instance)) == 1


def test_a_run_that_ends_during_the_check_keeps_its_status(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = make(instance, RunOwner.current_process())

    def ends(_: RunOwner) -> bool:
        run = instance.get_run_by_id(run_id)
        assert run
        instance.report_dagster_event(
            dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, run.job_name), run_id=run_id
        )
        return True

    monkeypatch.setattr(RunOwner, "is_gone", property(ends))
    assert fail_abandoned_runs(instance) == []
    assert status(instance, run_id) is dg.DagsterRunStatus.SUCCESS


def test_live_foreign_and_queued_runs_stay(instance: dg.DagsterInstance) -> None:
    mine = make(instance, RunOwner.current_process())
    foreign = make(
        instance, replace(RunOwner.current_process(), host="another", boot="other", pid=1)
    )
    waiting = make(instance, DEAD, dg.DagsterRunStatus.NOT_STARTED)
    unstamped = make(instance)
    assert fail_abandoned_runs(instance) == []
    assert {status(instance, one) for one in (mine, foreign, unstamped)} == {STARTED}
    assert status(instance, waiting) is dg.DagsterRunStatus.NOT_STARTED


def test_a_retried_run_ignores_its_parents_owner_tag(instance: dg.DagsterInstance) -> None:
    dead = json.dumps({"run": "its parent", **asdict(DEAD)})
    make(instance, None, STARTING, {RUN_OWNER_TAG: dead})
    assert fail_abandoned_runs(instance) == []


def test_an_abandoned_canceling_run_is_canceled(instance: dg.DagsterInstance) -> None:
    run_id = make(instance, DEAD, dg.DagsterRunStatus.CANCELING)
    assert fail_abandoned_runs(instance) == [run_id]
    assert status(instance, run_id) is dg.DagsterRunStatus.CANCELED


def test_a_run_killed_before_it_was_stamped(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is failed if nothing listens on the socket of its code server."""
    path = str(tmp_path / "server")
    run_id = make(instance)
    run = instance.get_run_by_id(run_id)
    assert run
    # Dagster's launcher writes the address of the code server, then rejects a run without a job.
    with pytest.raises(CheckError):
        DefaultRunLauncher.launch_run_from_grpc_client(
            instance, run, DagsterGrpcClient(socket=path)
        )
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        monkeypatch.setattr("crypto_assets.dagster_ext.run_liveness._UNSTAMPED_GRACE", timedelta(0))
        monkeypatch.setattr("crypto_assets.dagster_ext.run_liveness._SERVER_TIMEOUT_SECONDS", 1)
        assert fail_abandoned_runs(instance) == [], "its code server accepts connections"
    monkeypatch.undo()
    assert fail_abandoned_runs(instance) == [], "it may have started this second"
    monkeypatch.setattr("crypto_assets.dagster_ext.run_liveness._UNSTAMPED_GRACE", timedelta(0))
    assert fail_abandoned_runs(instance) == [run_id]


@pytest.mark.parametrize(
    "launcher", ["DefaultRunLauncher", "RestartTolerantLauncher", "SyncInMemoryRunLauncher"]
)
def test_a_run_whose_launch_was_interrupted(
    launcher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon was killed before it named the code server; other launchers never name one."""
    module = {
        "DefaultRunLauncher": "dagster",
        "RestartTolerantLauncher": "crypto_assets.dagster_ext.run_launcher",
    }.get(launcher, "dagster._core.launcher.sync_in_memory_run_launcher")
    overrides = {"run_launcher": {"module": module, "class": launcher}}
    with new_instance(tmp_path, overrides) as instance:
        run_id = make(instance, status=STARTING)
        assert fail_abandoned_runs(instance) == [], "it may be launched this minute"
        monkeypatch.setattr(
            "crypto_assets.dagster_ext.run_liveness._UNLAUNCHED_GRACE", timedelta(0)
        )
        has_servers = launcher != "SyncInMemoryRunLauncher"
        assert fail_abandoned_runs(instance) == ([run_id] if has_servers else [])


def test_a_run_that_its_restarted_code_server_does_not_know(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A code server over TCP, as in production; the run was killed before it was stamped."""
    monkeypatch.setattr("crypto_assets.dagster_ext.run_liveness._UNSTAMPED_GRACE", timedelta(0))
    (tmp_path / "empty.py").write_text("import dagster as dg\ndefs = dg.Definitions()\n")
    port = require_free_port(0)
    run_id = make(instance, status=STARTING)
    server = json.dumps({"host": "127.0.0.1", "port": port})
    instance.add_run_tags(run_id, {".dagster/grpc_info": server})
    assert fail_abandoned_runs(instance) == [], "it cannot be asked: it may be the network"
    command = [*("-m", "dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(port))]
    with subprocess.Popen(
        [sys.executable, *command, "-f", str(tmp_path / "empty.py")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(lambda: fail_abandoned_runs(instance) == [run_id], 60)
        finally:
            # A code server of Dagster 1.13.0 may hang when it is asked to end.
            process.kill()
    assert status(instance, run_id) is dg.DagsterRunStatus.FAILURE


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[PipelineContext]:
    settings = Settings(
        home=tmp_path, warehouse_url=SecretStr(""), warehouse_read_url=SecretStr("")
    )
    with closing(open_pipeline_context(settings)) as opened:
        opened.warehouse.migrate_schema()
        yield opened


def evaluate(instance: dg.DagsterInstance, platform: PipelineContext) -> str:
    """Return what the sensor says."""
    with dg.build_sensor_context(instance, resources={"platform": platform}) as context:
        return str(abandoned_runs_sensor.evaluate_tick(context).skip_message)


def test_the_sensor_fails_abandoned_runs(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    run_id = make(instance, DEAD)
    assert run_id in evaluate(instance, platform)


def test_the_sensor_fails_abandoned_runs_while_the_warehouse_does_not_respond(
    instance: dg.DagsterInstance,
) -> None:
    run_id = make(instance, DEAD)
    gone = Settings(warehouse_url=SecretStr("mysql+pymysql://root@127.0.0.1:1/none"))
    with closing(open_pipeline_context(gone)) as platform:
        said = evaluate(instance, platform)
    assert run_id in said
    assert "the hosts of workers are unknown: the warehouse at" in said


def test_the_sensor_fails_the_runs_of_a_lost_host_and_of_no_other(
    instance: dg.DagsterInstance, platform: PipelineContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of a machine that never sent a heartbeat stays, such as one that a command executes."""
    lost, live, laptop = (
        replace(RunOwner.current_process(), host=host) for host in ("w2", "w1", "laptop")
    )
    of_lost = [make(instance, lost, one) for one in (STARTING, STARTED)]
    canceled = make(instance, lost, dg.DagsterRunStatus.CANCELING)
    ended = make(instance, lost, dg.DagsterRunStatus.SUCCESS)
    others = [make(instance, live), make(instance, laptop), make(instance)]
    clock = [1000.0]
    watch = HostWatch(120)
    monkeypatch.setattr(abandoned_runs, "_get_host_watch", lambda: watch)
    monkeypatch.setattr(abandoned_runs, "read_steady_clock", lambda: clock[0])
    heartbeats = platform.warehouse.worker_heartbeats
    started = now_ms()
    for host in ("w1", "w2"):
        heartbeats.record_heartbeat(WorkerHeartbeat(host, "ticks", 4, "1", started, started))
    for _ in range(4):
        assert evaluate(instance, platform).startswith("nothing to do")
        clock[0] += 30
        beat = WorkerHeartbeat("w1", "ticks", 4, "1", started, now_ms() + 1)
        heartbeats.record_heartbeat(beat)
    said = evaluate(instance, platform)
    assert said.startswith("no heartbeat of w2 for 120 s; failed runs of these hosts: ")
    assert {status(instance, run_id) for run_id in of_lost} == {dg.DagsterRunStatus.FAILURE}
    assert status(instance, canceled) is dg.DagsterRunStatus.CANCELED
    assert status(instance, ended) is dg.DagsterRunStatus.SUCCESS
    assert {status(instance, run_id) for run_id in others} == {STARTED}
    assert evaluate(instance, platform).endswith("of these hosts: none")


def test_the_run_of_another_process_is_not_ended(instance: dg.DagsterInstance) -> None:
    """A worker ends only what it owns: Redis may have handed it a run that another executes."""
    mine = make(instance, RunOwner.current_process())
    theirs = make(instance, replace(RunOwner.current_process(), host="w2"))
    for run_id in (mine, theirs):
        end_unfinished_run(instance, run_id)
    assert status(instance, mine) is dg.DagsterRunStatus.FAILURE
    assert status(instance, theirs) is STARTED


def test_heartbeats_are_kept_for_a_day_and_deleted_by_their_worker(
    platform: PipelineContext,
) -> None:
    heartbeats = platform.warehouse.worker_heartbeats
    ticks = WorkerHeartbeat("w1", "ticks", 4, "1", 0, 0)
    heartbeats.record_heartbeat(ticks)
    heartbeats.record_heartbeat(replace(ticks, host="w2", beat_at=5))
    heartbeats.record_heartbeat(replace(ticks, beat_at=7))
    assert [(one.name, one.beat_at) for one in heartbeats.list_heartbeats()] == [
        ("ticks@w1", 7),
        ("ticks@w2", 5),
    ]
    assert platform.warehouse.app_settings.get_all_values() == {}
    heartbeats.delete_heartbeat(ticks)
    heartbeats.delete_older_than(DAY_MS)
    assert [one.host for one in heartbeats.list_heartbeats()] == ["w2"]
    heartbeats.delete_older_than(-1000)
    assert heartbeats.list_heartbeats() == []
