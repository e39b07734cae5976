"""Finds runs whose process no longer exists, and fails them; never the run of a live process.

Dagster's default launcher cannot detect this: a process tree killed with SIGKILL leaves its runs in
the status STARTED permanently.
"""

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import dagster as dg
import psutil

# Dagster exports neither the names of its own tags, nor the question to a code server.
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.storage.tags import GRPC_INFO_TAG, HIDDEN_TAG_PREFIX
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult

from crypto_assets.dagster_ext.run_statuses import LAUNCHED_STATUSES

# The prefix hides the tag in Dagster's UI.
RUN_OWNER_TAG = f"{HIDDEN_TAG_PREFIX}crypto_worker"
_BOOT_ID_PATH = Path("/proc/sys/kernel/random/boot_id")
_PROC_STAT_PATH = Path("/proc/self/stat")
# A process stamps its run within seconds of its start. If one is later, Dagster ignores it, because
# its run has failed.
_UNSTAMPED_GRACE = timedelta(seconds=20)
_SERVER_TIMEOUT_SECONDS = 3
_PROCESS_GONE = "the run's process no longer exists: it was killed, or the machine restarted"
# The daemon finds the code server of a run that it launches at once, or puts the run back into the
# queue.
_UNLAUNCHED_GRACE = timedelta(minutes=2)


@dataclass(frozen=True)
class RunOwner:
    """A process, identified permanently: a reused pid has another `boot` or `born`.

    `born` is the start time of `_read_start_time`.
    """

    host: str
    boot: str
    pid: int
    born: int | None

    @classmethod
    def current_process(cls) -> Self:
        """Identify this process."""
        pid = os.getpid()
        return cls(socket.gethostname(), _read_boot_id(), pid, _read_start_time(pid))

    @property
    def is_gone(self) -> bool:
        """Whether the process is known to have ended; False for a process of another host."""
        if self.host != socket.gethostname():
            return False
        if self.boot != _read_boot_id():
            return True
        try:
            if psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE:
                return True
            return self.born is not None and self.born != _read_start_time(self.pid)
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return True


def stamp_run_owner(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Record this process as the owner of a run."""
    instance.add_run_tags(run.run_id, build_owner_tag(run.run_id))


def build_owner_tag(run_id: str) -> dict[str, str]:
    """Build the tag that names this process, with the run's id, since a retry inherits tags."""
    return {RUN_OWNER_TAG: json.dumps({"run": run_id, **asdict(RunOwner.current_process())})}


def fail_abandoned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Fail the runs whose process is gone, so that Dagster retries them, and return their ids.

    Queued runs stay, since the daemon launches them. Runs of other hosts stay too.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=LAUNCHED_STATUSES))
    has_servers = isinstance(instance.run_launcher, dg.DefaultRunLauncher)
    abandoned = [
        record.dagster_run.run_id for record in records if _is_abandoned(record, has_servers)
    ]
    return [run_id for run_id in abandoned if _fail_run(instance, run_id)]


def fail_runs_of_hosts(
    instance: dg.DagsterInstance, silent_seconds: Mapping[str, float]
) -> list[str]:
    """Fail the runs of lost hosts, so that Dagster retries them, and return their ids.

    `silent_seconds` says for how long each lost host has sent no heartbeat.
    """
    if not silent_seconds:
        return []
    records = instance.get_run_records(dg.RunsFilter(statuses=LAUNCHED_STATUSES))
    failed = []
    for record in records:
        owner = _parse_run_owner(record.dagster_run)
        if owner is None or owner.host not in silent_seconds:
            continue
        cause = (
            f"the host {owner.host} has sent no heartbeat for {silent_seconds[owner.host]:.0f} s"
        )
        if _fail_run(instance, record.dagster_run.run_id, cause):
            failed.append(record.dagster_run.run_id)
    return failed


def end_unfinished_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Fail or cancel the run of this process, if its end was not recorded."""
    run = instance.get_run_by_id(run_id)
    if run is not None and _parse_run_owner(run) == RunOwner.current_process():
        _fail_run(instance, run_id, "the run's process could not record its end")


def fail_restored_runs(instance: dg.DagsterInstance) -> list[str]:
    """Fail the runs that a process executed when a backup was made, and return their ids.

    Only in a restored storage, before its daemon starts: no process executes them here.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=LAUNCHED_STATUSES))
    cause = "the run was executed elsewhere when this storage was backed up"
    run_ids = [record.dagster_run.run_id for record in records]
    return [run_id for run_id in run_ids if _fail_run(instance, run_id, cause)]


def _fail_run(instance: dg.DagsterInstance, run_id: str, cause: str = _PROCESS_GONE) -> bool:
    """Fail or cancel a run; return False if it has ended, so read its status again first."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.status not in LAUNCHED_STATUSES:
        return False
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, f"canceled; {cause}")
    else:
        instance.report_run_failed(run, cause)
    return True


def _is_abandoned(record: dg.RunRecord, has_servers: bool) -> bool:
    """Whether a run has no process; `has_servers` if each run is launched in a code server."""
    run = record.dagster_run
    if owner := _parse_run_owner(run):
        return owner.is_gone
    updated = record.update_timestamp
    updated = updated if updated.tzinfo else updated.replace(tzinfo=UTC)
    age = datetime.now(UTC) - updated
    if GRPC_INFO_TAG not in run.tags:
        is_starting = run.status is dg.DagsterRunStatus.STARTING
        return has_servers and is_starting and age > _UNLAUNCHED_GRACE
    return age > _UNSTAMPED_GRACE and _has_no_server(run)


def _parse_run_owner(run: dg.DagsterRun) -> RunOwner | None:
    owner: dict[str, Any] = json.loads(run.tags.get(RUN_OWNER_TAG, "{}"))
    if owner.get("run") != run.run_id:
        return None
    # Tags of older versions have no `born`, so that only the pid counts.
    return RunOwner(owner["host"], owner["boot"], owner["pid"], owner.get("born"))


def _has_no_server(run: dg.DagsterRun) -> bool:
    """Whether the code server that a run was launched in is gone, or does not execute it any more.

    A server that was restarted under the same address does not know the run. False if the server
    cannot be asked, unless its socket is on this machine and nothing listens on it.
    """
    server: dict[str, Any] = json.loads(run.tags[GRPC_INFO_TAG])
    if path := server.get("socket"):
        if not Path(path).exists():
            return False
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(path) != 0:
                return True
    return not _may_execute(server, run.run_id)


def _may_execute(server: Mapping[str, Any], run_id: str) -> bool:
    """Ask a code server whether it executes a run; True if it does not respond."""
    client = DagsterGrpcClient(
        host=server.get("host") or "localhost",
        port=server.get("port"),
        socket=server.get("socket"),
        use_ssl=bool(server.get("use_ssl")),
    )
    try:
        response = client.can_cancel_execution(
            CanCancelExecutionRequest(run_id=run_id), timeout=_SERVER_TIMEOUT_SECONDS
        )
    except DagsterUserCodeUnreachableError:
        return True
    return bool(dg.deserialize_value(response, CanCancelExecutionResult).can_cancel)


def _read_boot_id() -> str:
    """Return the id of the machine's current boot; "" if the kernel has none (`born` suffices)."""
    return _BOOT_ID_PATH.read_text().strip() if _BOOT_ID_PATH.exists() else ""


def _read_start_time(pid: int) -> int:
    """Return a process's start time, which does not change when the system clock is set.

    On Linux these are clock ticks since boot, because psutil's time changes with the clock. Without
    /proc it is psutil's start time in epoch ms, which the kernel stores.
    """
    if not _PROC_STAT_PATH.exists():
        return round(psutil.Process(pid).create_time() * 1000)
    # Field 22. Field 2 is a name in parentheses that may contain spaces and parentheses.
    after_name = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return int(after_name[22 - 3])
