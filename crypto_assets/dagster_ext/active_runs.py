"""Finds a job's unfinished run, for schedules and sensors that must not launch a second one."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

# Not exported by Dagster, whose own queue and run monitoring use it.
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES


def find_active_run(
    instance: dg.DagsterInstance,
    job_name: str,
    within: timedelta | None = None,
    tags: Mapping[str, str] | None = None,
) -> str | None:
    """Return the id of an unfinished run of the job with these tags, created `within` this time."""
    records = instance.get_run_records(
        dg.RunsFilter(
            job_name=job_name,
            statuses=NOT_FINISHED_STATUSES,
            tags=tags,
            created_after=None if within is None else datetime.now(UTC) - within,
        ),
        limit=1,
    )
    return records[0].dagster_run.run_id if records else None
