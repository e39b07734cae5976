"""Which process does a run's work; a run whose process is gone is failed, a living one never.

Dagster's default launcher cannot tell: a tree killed with -9 leaves its runs STARTED for ever.
"""

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
from dagster._core.storage.tags import GRPC_INFO_TAG, HIDDEN_TAG_PREFIX

# Of the kind that its pages do not show: what serves a run's execution, not who reads of it.
RUN_OWNER_TAG = f"{HIDDEN_TAG_PREFIX}crypto_worker"
# Dagster's own: the code server that started the run's process.
_CODE_SERVER_TAG = GRPC_INFO_TAG
_BOOT_ID_PATH = Path("/proc/sys/kernel/random/boot_id")
_PROC_STAT_PATH = Path("/proc/self/stat")
# A worker names itself within seconds of its start.
_UNSTAMPED_GRACE = timedelta(minutes=1)
_STARTED_STATUSES = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass(frozen=True)
class RunOwner:
    """A process for good: no other has the same host, boot, number and `born` (see `_born`)."""

    host: str
    boot: str
    pid: int
    born: int | None

    @classmethod
    def current_process(cls) -> "RunOwner":
        pid = os.getpid()
        return cls(socket.gethostname(), _read_boot_id(), pid, _read_start_time(pid))

    @property
    def is_gone(self) -> bool:
        """Known to be dead; of another host nothing is known."""
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
    """Note on a run that this process does its work."""
    instance.add_run_tags(run.run_id, build_owner_tag(run.run_id))


def build_owner_tag(run_id: str) -> dict[str, str]:
    """As a tag: this process, and the run itself, since one that is tried again inherits tags."""
    return {RUN_OWNER_TAG: json.dumps({"run": run_id, **asdict(RunOwner.current_process())})}


def fail_abandoned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Fail the runs whose process is gone, so that they are retried; answers their ids.

    Queued runs stay: the daemon that comes up takes them. So do those of other hosts.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=_STARTED_STATUSES))
    left = [record.dagster_run.run_id for record in records if _is_abandoned(record)]
    return [run_id for run_id in left if _fail_run(instance, run_id)]


def _fail_run(instance: dg.DagsterInstance, run_id: str) -> bool:
    """False for one that has ended: read anew, since a process ends its run before it goes."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.status not in _STARTED_STATUSES:
        return False
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, "canceled; its process is gone")
    else:
        instance.report_run_failed(run, "its process is gone: killed, or the machine restarted")
    return True


def _is_abandoned(record: dg.RunRecord) -> bool:
    run = record.dagster_run
    if worker := _parse_run_owner(run):
        return worker.is_gone
    touched = record.update_timestamp
    touched = touched if touched.tzinfo else touched.replace(tzinfo=UTC)
    return datetime.now(UTC) - touched > _UNSTAMPED_GRACE and _server_is_gone(run.tags)


def _parse_run_owner(run: dg.DagsterRun) -> RunOwner | None:
    held: dict[str, Any] = json.loads(run.tags.get(RUN_OWNER_TAG, "{}"))
    if held.get("run") != run.run_id:
        return None
    # Older signatures hold a time of day instead of `born`; no living run is failed for that.
    return RunOwner(held["host"], held["boot"], held["pid"], held.get("born"))


def _server_is_gone(tags: Mapping[str, str]) -> bool:
    """The code server's socket lies on this machine and nobody listens; else nothing is known."""
    path = json.loads(tags.get(_CODE_SERVER_TAG, "{}")).get("socket")
    if not path or not Path(path).exists():
        return False
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) != 0


def _read_boot_id() -> str:
    """Of this boot of the machine; nothing where the kernel has no id, for `born` tells there."""
    return _BOOT_ID_PATH.read_text().strip() if _BOOT_ID_PATH.exists() else ""


def _read_start_time(pid: int) -> int:
    """Clock ticks from boot to the process's start, which a step of the clock leaves as they were.

    Not psutil's time, which on Linux moves with the clock; where there is no /proc, the kernel
    itself keeps the time of day of the start, and psutil's it is, in epoch ms.
    """
    if not _PROC_STAT_PATH.exists():
        return round(psutil.Process(pid).create_time() * 1000)
    # Its second field, a name in parentheses, may hold spaces and parentheses; the 22nd is meant.
    after_name = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return int(after_name[22 - 3])
