"""Does a run still go on? What a schedule or a sensor asks before it launches the next."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

_ACTIVE_STATUSES = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def find_active_run(
    instance: dg.DagsterInstance,
    job_name: str,
    within: timedelta | None = None,
    tags: Mapping[str, str] | None = None,
) -> str | None:
    """A run of the job that has not ended, with these tags, launched within this time."""
    records = instance.get_run_records(
        dg.RunsFilter(
            job_name=job_name,
            statuses=_ACTIVE_STATUSES,
            tags=tags,
            created_after=None if within is None else datetime.now(UTC) - within,
        ),
        limit=1,
    )
    return records[0].dagster_run.run_id if records else None
