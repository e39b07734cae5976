"""Groups of run statuses. Dagster exports the statuses, but not its own groups of them."""

import dagster as dg

FINISHED_STATUSES = (
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
)
UNFINISHED_STATUSES = tuple(
    status for status in dg.DagsterRunStatus if status not in FINISHED_STATUSES
)
# Runs that were handed to a process. Queued runs have none yet, suspended ones none any more.
LAUNCHED_STATUSES = (
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
