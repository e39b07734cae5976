"""The executor of all jobs: runs in one process, and stamps a run with it before the first step."""

from collections.abc import Iterator

import dagster as dg

# Dagster exports the in-process executor's definition, but not the class to extend.
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor

from crypto_assets.dagster_ext.run_liveness import stamp_run_owner


class OwnerStampingExecutor(InProcessExecutor):
    """Stamps a run with its process, so that the sensor `left_runs` notices if that is killed."""

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        stamp_run_owner(plan_context.instance, plan_context.dagster_run)
        return super().execute(plan_context, execution_plan)


@dg.executor(name="in_process_with_owner")
def owner_stamping_executor(_: dg.InitExecutorContext) -> OwnerStampingExecutor:
    """Build the executor. Every run has one step, so a process per step would only add overhead."""
    return OwnerStampingExecutor(RetryMode.ENABLED)
