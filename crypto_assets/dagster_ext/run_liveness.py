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
WORKER_TAG = f"{HIDDEN_TAG_PREFIX}crypto_worker"
# Dagster's own: the code server that started the run's process.
_SERVER_TAG = GRPC_INFO_TAG
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PROC_STAT = Path("/proc/self/stat")
# A worker names itself within seconds of its start.
_NAMELESS = timedelta(minutes=1)
_UNFINISHED = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass(frozen=True)
class Worker:
    """A process for good: no other has the same host, boot, number and `born` (see `_born`)."""

    host: str
    boot: str
    pid: int
    born: int | None

    @classmethod
    def this(cls) -> "Worker":
        pid = os.getpid()
        return cls(socket.gethostname(), _boot(), pid, _born(pid))

    @property
    def is_gone(self) -> bool:
        """Known to be dead; of another host nothing is known."""
        if self.host != socket.gethostname():
            return False
        if self.boot != _boot():
            return True
        try:
            if psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE:
                return True
            return self.born is not None and self.born != _born(self.pid)
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return True


def sign(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Note on a run that this process does its work."""
    instance.add_run_tags(run.run_id, signature(run.run_id))


def signature(run_id: str) -> dict[str, str]:
    """As a tag: this process, and the run itself, since one that is tried again inherits tags."""
    return {WORKER_TAG: json.dumps({"run": run_id, **asdict(Worker.this())})}


def fail_left_runs(instance: dg.DagsterInstance) -> list[str]:
    """Fail the runs whose process is gone, so that they are retried; answers their ids.

    Queued runs stay: the daemon that comes up takes them. So do those of other hosts.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED))
    left = [record.dagster_run.run_id for record in records if _is_left(record)]
    return [run_id for run_id in left if _fail(instance, run_id)]


def _fail(instance: dg.DagsterInstance, run_id: str) -> bool:
    """False for one that has ended: read anew, since a process ends its run before it goes."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.status not in _UNFINISHED:
        return False
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, "canceled; its process is gone")
    else:
        instance.report_run_failed(run, "its process is gone: killed, or the machine restarted")
    return True


def _is_left(record: dg.RunRecord) -> bool:
    run = record.dagster_run
    if worker := _signed(run):
        return worker.is_gone
    touched = record.update_timestamp
    touched = touched if touched.tzinfo else touched.replace(tzinfo=UTC)
    return datetime.now(UTC) - touched > _NAMELESS and _server_is_gone(run.tags)


def _signed(run: dg.DagsterRun) -> Worker | None:
    held: dict[str, Any] = json.loads(run.tags.get(WORKER_TAG, "{}"))
    if held.get("run") != run.run_id:
        return None
    # Older signatures hold a time of day instead of `born`; no living run is failed for that.
    return Worker(held["host"], held["boot"], held["pid"], held.get("born"))


def _server_is_gone(tags: Mapping[str, str]) -> bool:
    """The code server's socket lies on this machine and nobody listens; else nothing is known."""
    path = json.loads(tags.get(_SERVER_TAG, "{}")).get("socket")
    if not path or not Path(path).exists():
        return False
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) != 0


def _boot() -> str:
    """Of this boot of the machine; nothing where the kernel has no id, for `born` tells there."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""


def _born(pid: int) -> int:
    """Clock ticks from boot to the process's start, which a step of the clock leaves as they were.

    Not psutil's time, which on Linux moves with the clock; where there is no /proc, the kernel
    itself keeps the time of day of the start, and psutil's it is, in epoch ms.
    """
    if not _PROC_STAT.exists():
        return round(psutil.Process(pid).create_time() * 1000)
    # Its second field, a name in parentheses, may hold spaces and parentheses; the 22nd is meant.
    after_name = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return int(after_name[22 - 3])
