"""The executor of all jobs: runs in one process, and stamps a run with it before the first step.

A step would stamp too late: it starts after its resources, one of which waits for the warehouse for
as long as that does not respond, and each asset would have to do it. A run that is killed before it
is stamped is found only while the socket of its code server exists.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

import dagster as dg

from crypto_assets.dagster_ext.json_logs import build_run_fields
from crypto_assets.dagster_ext.run_liveness import stamp_run_owner
from crypto_assets.dagster_ext.run_retention import delete_empty_log_folders
from crypto_assets.dagster_ext.storage_retries import wait_for_storage
from crypto_assets.logs import bind_log_fields
from crypto_assets.telemetry import report_run, trace_steps


class OwnerStampingExecutor(dg.Executor):
    """Stamps a run with its process, so that the sensor `left_runs` notices if that is killed.

    At the end it deletes the empty log folders of this machine.

    `inner` executes the run. Dagster exports no types for the arguments of `execute`.
    """

    def __init__(self, inner: dg.Executor) -> None:
        self.inner = inner

    @property
    def retries(self) -> Any:
        return self.inner.retries

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        instance, run = plan_context.instance, plan_context.dagster_run
        wait_for_storage()
        stamp_run_owner(instance, run)
        try:
            with bind_log_fields(**build_run_fields(run)), report_run():
                yield from trace_steps(
                    run.job_name, self.inner.execute(plan_context, execution_plan)
                )
        finally:
            delete_empty_log_folders(instance, run.run_id)


def _create_executor(context: dg.InitExecutorContext) -> OwnerStampingExecutor:
    create = cast(
        Callable[[dg.InitExecutorContext], dg.Executor],
        dg.in_process_executor.executor_creation_fn,
    )
    return OwnerStampingExecutor(create(context))


# Every run has one step, so a process per step would only add overhead.
owner_stamping_executor = dg.ExecutorDefinition(
    name="in_process_with_owner",
    config_schema=dg.in_process_executor.config_schema.as_field(),
    executor_creation_fn=_create_executor,
)
