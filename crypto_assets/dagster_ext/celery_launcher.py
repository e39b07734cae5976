"""Dagster's Celery launcher, which hands each run to the workers of its queue."""

from typing import Any

# Dagster exports neither the errors of a launcher, nor the context of its method; dagster-celery
# exports neither its launcher, nor the names of its tags.
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import LaunchRunContext
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClassData, pack_value
from dagster_celery.config import TASK_EXECUTE_JOB_NAME
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_QUEUE_TAG, DAGSTER_CELERY_TASK_ID_TAG
from dagster_celery.tasks import create_execute_job_task
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from crypto_assets.dagster_ext.celery_app import (
    WorkerQueue,
    add_queues,
    build_app_arguments,
    find_worker_queue,
)
from crypto_assets.dagster_ext.private_api import require_private_parts
from crypto_assets.dagster_ext.private_server_parts import CELERY_PARTS
from crypto_assets.dagster_ext.run_statuses import FINISHED_STATUSES
from crypto_assets.settings import get_settings

# Checked here, because dagster-celery is an optional package.
require_private_parts(CELERY_PARTS)


class WorkerLauncher(CeleryRunLauncher):
    """Dagster's Celery launcher, for `run_launcher` in dagster.yaml; it has no config fields.

    The broker is that of CRYPTO_BROKER_URL. A run without the tag `dagster-celery/queue` gets it by
    its run class. Redis stores no results, so the launcher cannot say whether a run's worker is
    alive: workers fail the killed runs of their host, and the sensor `left_runs` those of lost
    hosts.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        arguments = build_app_arguments(get_settings())
        super().__init__(WorkerQueue.BACKFILLS, **arguments, inst_data=inst_data)
        add_queues(self.celery)
        self._task = create_execute_job_task(self.celery)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @property
    def supports_check_run_worker_health(self) -> bool:
        return False

    @property
    def supports_resume_run(self) -> bool:
        return False

    def launch_run(self, context: LaunchRunContext) -> None:
        """Put a run into its queue.

        Raises DagsterUserCodeUnreachableError if Redis does not respond, so that Dagster launches
        the run again, as often as `max_user_code_failure_retries` says.
        """
        run = context.dagster_run
        if DAGSTER_CELERY_QUEUE_TAG not in run.tags:
            queue = {DAGSTER_CELERY_QUEUE_TAG: find_worker_queue(run.tags).value}
            self._instance.add_run_tags(run.run_id, queue)
            run = run.with_tags({**run.tags, **queue})
        arguments = ExecuteRunArgs(
            job_origin=run.job_code_origin,  # type: ignore[arg-type]  # a queued run has one
            run_id=run.run_id,
            instance_ref=self._instance.get_ref(),
            set_exit_code_on_failure=True,
        )
        task = self._task.si(execute_job_args_packed=pack_value(arguments))
        try:
            # Dagster's own method registers the task at each launch, of which Celery warns.
            self._launch_celery_task_run(
                run=run, task_signature=task, routing_key=TASK_EXECUTE_JOB_NAME
            )
        except (OperationalError, RedisError) as error:
            raise DagsterUserCodeUnreachableError(
                "the broker does not respond: the run waits for it"
            ) from error

    def terminate(self, run_id: str) -> bool:
        """Cancel a run: interrupt its process, or let no worker start it."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.status in FINISHED_STATUSES:
            return False
        self._instance.report_run_canceling(run)
        if task_id := run.tags.get(DAGSTER_CELERY_TASK_ID_TAG):
            self.celery.control.revoke(task_id, terminate=True, signal="SIGINT")
        return True
