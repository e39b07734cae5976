"""The Celery application of run launcher and workers: one queue per group of run classes.

Redis holds the runs that no worker has taken yet. It stores no results: Dagster's storage has the
state of each run.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from celery import Celery
from dagster_celery.make_app import make_app
from kombu import Exchange, Queue

from crypto_assets.errors import WrongUse
from crypto_assets.orchestrator.run_queue import RUN_CLASS_TAG, RunClass
from crypto_assets.settings import Settings


class WorkerQueue(StrEnum):
    """A queue of Celery: runs that must not wait for others, and all others."""

    TICKS = "ticks"
    BACKFILLS = "backfills"


_PROMPT_CLASSES = {RunClass.TICK, RunClass.CLOSE_DAY, RunClass.MANUAL}
# Seconds until another worker gets a run that a worker took without starting it.
_REDELIVERY_SECONDS = 120
_SETTINGS: Mapping[str, Any] = {
    "broker_connection_retry_on_startup": True,
    "broker_transport_options": {
        "visibility_timeout": _REDELIVERY_SECONDS,
        "health_check_interval": 10,
        # Attempts of the daemon to reach Redis; then the run goes back to Dagster's queue.
        "max_retries": 3,
        "interval_start": 0,
        "interval_step": 0.2,
        "interval_max": 0.5,
    },
    # A worker takes a run only when one of its processes is free, and confirms it when the run
    # starts: a run never waits at one host while another is idle, and never starts twice.
    "worker_disable_prefetch": True,
    "worker_prefetch_multiplier": 1,
    "task_acks_late": False,
    "task_ignore_result": True,
    # A busy machine takes seconds to fork a process.
    "worker_proc_alive_timeout": 60,
    "worker_max_tasks_per_child": 200,
    # Dagster copies the output of a run to the bucket of logs.
    "worker_redirect_stdouts": False,
    "worker_hijack_root_logger": False,
    # A run goes on while Redis restarts.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
}


def find_worker_queue(tags: Mapping[str, str]) -> WorkerQueue:
    """Return the queue of a run by its run class."""
    is_prompt = tags.get(RUN_CLASS_TAG) in _PROMPT_CLASSES
    return WorkerQueue.TICKS if is_prompt else WorkerQueue.BACKFILLS


def build_app_arguments(settings: Settings) -> dict[str, Any]:
    """Build the arguments of the application. Raises WrongUse if the settings name no broker."""
    broker = settings.broker_url.get_secret_value()
    if not broker.startswith(("redis://", "rediss://")):
        raise WrongUse(
            "workers take their runs from Redis: set CRYPTO_BROKER_URL=redis://HOST:6379/0"
        )
    return {"broker": broker, "config_source": dict(_SETTINGS)}


def build_celery_app(settings: Settings) -> Celery:
    """Build the application of a worker. Raises WrongUse if the settings name no broker."""
    app = make_app(build_app_arguments(settings))  # type: ignore[no-untyped-call]
    return add_queues(app)


def add_queues(app: Celery) -> Celery:
    """Replace Dagster's single queue, and return the application."""
    # Dagster publishes a run with the key QUEUE.execute_job.
    app.conf.task_queues = [
        Queue(name.value, Exchange(name.value, type="topic"), routing_key=f"{name.value}.#")
        for name in WorkerQueue
    ]
    return app
