"""Finds a job's unfinished run, for schedules and sensors that must not launch a second one."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

from crypto_assets.dagster_ext.run_statuses import UNFINISHED_STATUSES


def find_active_run(
    instance: dg.DagsterInstance,
    job_name: str | None,
    within: timedelta | None = None,
    tags: Mapping[str, str] | None = None,
) -> str | None:
    """Return the id of an unfinished run with these tags, created `within` this time.

    Of one job, or of any.
    """
    records = instance.get_run_records(
        dg.RunsFilter(
            job_name=job_name,
            statuses=UNFINISHED_STATUSES,
            tags=tags,
            created_after=None if within is None else datetime.now(UTC) - within,
        ),
        limit=1,
    )
    return records[0].dagster_run.run_id if records else None
