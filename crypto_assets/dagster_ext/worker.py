"""A worker: takes runs of one queue from Redis, and executes them in processes that stay warm.

`python -m crypto_assets.dagster_ext.worker --queue ticks --processes 4`

While it lives, threads send its heartbeat, and fail the runs of this host whose process was killed.
SIGTERM drains it: it takes no further run, and ends when its last run has.
"""

import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from threading import Event, Thread
from typing import Any

import click
import dagster as dg
from celery import signals
from celery.apps import worker as celery_worker
from celery.utils.log import get_multiprocessing_logger

# dagster-celery does not export the task of its launcher, nor Dagster the task's argument.
from dagster._grpc.types import ExecuteRunArgs
from dagster_celery.tasks import create_execute_job_task

from crypto_assets.dagster_ext.celery_app import WorkerQueue, build_celery_app
from crypto_assets.dagster_ext.instance_home import open_instance
from crypto_assets.dagster_ext.json_logs import configure_dagster_logs
from crypto_assets.dagster_ext.private_api import require_private_parts
from crypto_assets.dagster_ext.private_server_parts import CELERY_PARTS
from crypto_assets.dagster_ext.run_liveness import (
    end_unfinished_run,
    fail_abandoned_runs,
    stamp_run_owner,
)
from crypto_assets.dagster_ext.storage_retries import wait_for_storage
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.installation import VERSION
from crypto_assets.logs import TEXT_FORMAT, JsonLinesFormatter
from crypto_assets.market.utc_time import now_ms
from crypto_assets.python_gc import freeze_loaded_objects
from crypto_assets.settings import Settings, load_settings
from crypto_assets.telemetry import start_telemetry
from crypto_assets.warehouse.catalog.worker_heartbeats import WorkerHeartbeat
from crypto_assets.wiring import open_heartbeat_warehouse

require_private_parts(CELERY_PARTS)

_CODE_LOCATION = "crypto_assets.definitions"
_HEARTBEAT_SECONDS = 10.0
_SEARCH_SECONDS = 30.0
_JOIN_SECONDS = 30.0
_UNSTARTED_STATUSES = (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING)
_log = logging.getLogger("crypto_assets.worker")


class HostHeart:
    """Sends the heartbeat of a worker, and fails the killed runs of its host.

    Each in a thread of its own, so that neither waits for the other's database. Processes that the
    worker forks open connections of their own.
    """

    def __init__(self, settings: Settings, worker: WorkerHeartbeat) -> None:
        self._settings = settings
        self._worker = worker
        self._warehouse = open_heartbeat_warehouse(settings)
        self._stopped = Event()

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Beat until the context ends; if that is without an error, the worker left no run."""
        # Also imports what the threads need: a forked process must not meet a lock of an import.
        self._send_heartbeat()
        self._fail_killed_runs()
        threads = [
            Thread(target=self._repeat, args=(work, seconds), daemon=True)
            for work, seconds in (
                (self._send_heartbeat, _HEARTBEAT_SECONDS),
                (self._fail_killed_runs, _SEARCH_SECONDS),
            )
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join(_JOIN_SECONDS)
        try:
            self._warehouse.worker_heartbeats.delete_heartbeat(self._worker)
        except CryptoAssetsError as error:
            _log.warning("the worker's heartbeat remains in the warehouse: %s", error)

    def _repeat(self, work: Callable[[], None], seconds: float) -> None:
        try:
            while not self._stopped.wait(seconds):
                work()
        finally:
            if not self._stopped.is_set():
                # Without heartbeats, the runs of this host would be failed while they live.
                _log.error("a thread of the worker has ended: the worker drains")
                os.kill(os.getpid(), signal.SIGTERM)

    def _send_heartbeat(self) -> None:
        heartbeat = replace(self._worker, beat_at=now_ms())
        try:
            self._warehouse.worker_heartbeats.record_heartbeat(heartbeat)
        except CryptoAssetsError as error:
            _log.warning("no heartbeat: %s", error)

    def _fail_killed_runs(self) -> None:
        try:
            with open_instance(self._settings.dagster_home) as instance:
                failed = fail_abandoned_runs(instance)
        except CryptoAssetsError as error:
            _log.warning("killed runs of this host are not looked for: %s", error)
            return
        if failed:
            _log.warning("failed runs whose process no longer exists: %s", ", ".join(failed))


def _let_process_wait(**_: object) -> None:
    """Let the process wait for Dagster's database, also before its first run is stamped."""
    wait_for_storage()


def _configure_logs() -> bool:
    """Configure the logs of the worker and of Celery; return whether they are JSON lines."""
    has_json_logs = configure_dagster_logs("worker")
    if has_json_logs:
        # Celery configures no logs if somebody listens to this.
        signals.setup_logging.connect(_keep_logs)
        celery_worker.safe_say = _write_line
    else:
        logging.basicConfig(format=TEXT_FORMAT)
    for name in ("celery", _log.name):
        logging.getLogger(name).setLevel(logging.INFO)
    return has_json_logs


def _keep_logs(**_: object) -> None:
    """Keep the handlers that the process has, also for the logger that uses none of them."""
    get_multiprocessing_logger().propagate = True


def _write_line(text: str, _: object = None) -> None:
    """Write what Celery prints while it handles a signal, which may have interrupted a handler."""
    record = logging.LogRecord("celery", logging.INFO, __file__, 0, text, (), None)
    os.write(sys.stderr.fileno(), f"{JsonLinesFormatter('worker').format(record)}\n".encode())


def _own_run(kwargs: Mapping[str, Any], **_: object) -> None:
    """Stamp a run that has not started with this process; one that was delivered twice has."""
    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(_find_run_id(kwargs))
        if run is not None and run.status in _UNSTARTED_STATUSES:
            stamp_run_owner(instance, run)


def _require_end(kwargs: Mapping[str, Any], **_: object) -> None:
    """End the run of this process if Dagster could not record its end, or else this process.

    Other launchers have a process per run, so that a run without an end has no process either.
    """
    has_ended = False
    try:
        with dg.DagsterInstance.get() as instance:
            end_unfinished_run(instance, _find_run_id(kwargs))
        has_ended = True
    finally:
        if not has_ended:
            os._exit(1)


def _find_run_id(kwargs: Mapping[str, Any]) -> str:
    packed = json.dumps(kwargs["execute_job_args_packed"])
    return dg.deserialize_value(packed, ExecuteRunArgs).run_id


def _load_definitions() -> None:
    """Import the definitions once for all processes, which are forks of this one.

    By name, as Dagster does in a run.
    """
    import_module(_CODE_LOCATION).defs.get_repository_def()
    freeze_loaded_objects()


@click.command()
@click.option(
    "--queue",
    type=click.Choice([queue.value for queue in WorkerQueue]),
    required=True,
    help="Which runs it takes.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="How many runs it executes at once.",
)
def run_worker(queue: str, processes: int) -> None:
    """Take runs from Redis and execute them, until SIGTERM."""
    try:
        settings = load_settings()
        app = build_celery_app(settings)
    except CryptoAssetsError as error:
        raise SystemExit(f"crypto-assets worker: {error}") from None
    has_json_logs = _configure_logs()
    start_telemetry("worker")
    create_execute_job_task(app)
    _load_definitions()
    signals.worker_process_init.connect(_let_process_wait)
    signals.task_prerun.connect(_own_run)
    signals.task_postrun.connect(_require_end)
    host, now = socket.gethostname(), now_ms()
    worker = WorkerHeartbeat(host, queue, processes, VERSION, started_at=now, beat_at=now)
    celery = app.Worker(
        queues=[queue],
        concurrency=processes,
        hostname=worker.name,
        optimization="fair",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        # Without its banner.
        quiet=has_json_logs,
    )
    with HostHeart(settings, worker).beating():
        celery.start()
    raise SystemExit(celery.exitcode)


if __name__ == "__main__":
    run_worker()
