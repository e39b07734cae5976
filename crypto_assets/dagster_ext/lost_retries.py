"""Lets Dagster's daemon launch the retries that it has missed.

The daemon reads the failure of each run once. It launches no retry if it reads the failure before
the run's status is stored, or while the code server does not respond. A backfill with such a run
never ends. The daemon launches a retry once, however often it reads the failure.
"""

import time

import dagster as dg

# Dagster exports neither the tags of retries, nor the name of the daemon's cursor.
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, HIDDEN_TAG_PREFIX, WILL_RETRY_TAG
from dagster._daemon.auto_run_reexecution.event_log_consumer import _create_cursor_key

_REQUESTS_TAG = f"{HIDDEN_TAG_PREFIX}crypto_retry_requests"
# The daemon reads new failures every few seconds.
_GRACE_SECONDS = 60
# Retries of older runs are no longer expected.
_MAX_AGE_SECONDS = 86_400
# The daemon may store its own cursor at the same moment, or may have a reason to launch no retry.
_MAX_REQUESTS = 3
_FAILURE = dg.DagsterEventType.RUN_FAILURE


def request_lost_retries(instance: dg.DagsterInstance) -> list[str]:
    """Let the daemon read the failures of runs without their retry again; return the runs' ids."""
    lost = {record.dagster_run.run_id: record.dagster_run for record in _list_lost(instance)}
    if not lost:
        return []
    failures = instance.event_log_storage.get_logs_for_all_runs_by_log_id(
        after_cursor=-1, dagster_event_type=_FAILURE
    )
    positions = [position for position, entry in failures.items() if entry.run_id in lost]
    key = _create_cursor_key(_FAILURE)
    cursor = instance.daemon_cursor_storage.get_cursor_values({key}).get(key)
    if not positions or cursor is None or int(cursor) < min(positions):
        return []  # The daemon has not read them yet.
    for run in lost.values():
        instance.add_run_tags(run.run_id, {_REQUESTS_TAG: str(_count_requests(run) + 1)})
    instance.daemon_cursor_storage.set_cursor_values({key: str(min(positions) - 1)})
    return list(lost)


def _list_lost(instance: dg.DagsterInstance) -> list[dg.RunRecord]:
    failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], tags={WILL_RETRY_TAG: "true"})
    return [record for record in instance.get_run_records(failed) if _is_lost(record)]


def _is_lost(record: dg.RunRecord) -> bool:
    run = record.dagster_run
    age = time.time() - (record.end_time or 0)
    return (
        _GRACE_SECONDS < age < _MAX_AGE_SECONDS
        and AUTO_RETRY_RUN_ID_TAG not in run.tags
        and _count_requests(run) < _MAX_REQUESTS
    )


def _count_requests(run: dg.DagsterRun) -> int:
    return int(run.tags.get(_REQUESTS_TAG, "0"))
