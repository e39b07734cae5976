"""The workers that execute runs on other machines, and how long each has been silent."""

from dataclasses import dataclass

from crypto_assets.warehouse import Warehouse


@dataclass(frozen=True)
class WorkerReport:
    """A worker; `silent_ms` is the time since its last heartbeat.

    It takes the runs of `queue`, and executes `processes` of them at once.
    """

    host: str
    queue: str
    processes: int
    version: str
    silent_ms: int


def list_workers(warehouse: Warehouse, now_ms: int) -> tuple[WorkerReport, ...]:
    """List the workers of the last day that were not stopped, by queue and host."""
    return tuple(
        WorkerReport(
            host=heartbeat.host,
            queue=heartbeat.queue,
            processes=heartbeat.processes,
            version=heartbeat.version,
            silent_ms=max(0, now_ms - heartbeat.beat_at),
        )
        for heartbeat in warehouse.worker_heartbeats.list_heartbeats()
    )
