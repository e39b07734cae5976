"""How a run is done: all in one process, which signs the run before its first step."""

from collections.abc import Iterator

import dagster as dg
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor

from crypto_assets.dagster_ext.run_liveness import stamp_run_owner


class OwnerStampingExecutor(InProcessExecutor):
    """Signs what it works on, so that a run whose process was killed is known (`left_runs`)."""

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        stamp_run_owner(plan_context.instance, plan_context.dagster_run)
        return super().execute(plan_context, execution_plan)


@dg.executor(name="signed_in_process")
def owner_stamping_executor(_: dg.InitExecutorContext) -> OwnerStampingExecutor:
    """For all jobs. One step a run: a process of its own would cost more than it brings."""
    return OwnerStampingExecutor(RetryMode.ENABLED)
