"""Why a run failed, in one line per failed partition."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from crypto_assets.orchestrator.partition_keys import (
    describe_run_partitions,
    parse_partition_symbol,
)


def list_failed_partitions(
    instance: dg.DagsterInstance, run: dg.DagsterRun
) -> list[tuple[str, str, str]]:
    """List (symbol, partition, reason) of a failed run, a symbol once for the same reason.

    If the run names no partition, the only entry has its range of partitions and its last error.
    """
    events = list(_list_run_events(instance, run.run_id, dg.DagsterEventType.STEP_FAILURE))
    failures = [failure for event in events for failure in _parse_named_failures(event)]
    if not failures:
        reason = (
            describe_step_failure(events[-1])
            if events
            else describe_run_failure(instance, run.run_id)
        )
        failures = [(describe_run_partitions(run.tags) or "", reason)]
    first_failures: dict[tuple[str, str], tuple[str, str, str]] = {}
    for partition, reason in failures:
        symbol = parse_partition_symbol(partition)
        first_failures.setdefault((symbol, reason), (symbol, partition, reason))
    return list(first_failures.values())


def describe_step_failure(event: dg.DagsterEvent) -> str:
    """Return the failed step's own reason, in one line."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    return _find_root_cause(data.error) or "the step failed without an error"


def describe_run_failure(instance: dg.DagsterInstance, run_id: str) -> str:
    """Return Dagster's reason for a run that failed outside its step, in one line."""
    reason = None
    for event in _list_run_events(instance, run_id, dg.DagsterEventType.RUN_FAILURE):
        # Run monitoring reports a dead run with a message, but without data.
        error = event.job_failure_data.error if event.event_specific_data else None
        lines = (event.message or "").strip().splitlines()
        reason = _find_root_cause(error) or (lines[-1] if lines else None)
    return reason or "the run failed without an error message"


def _find_root_cause(error: SerializableErrorInfo | None) -> str | None:
    while error and error.cause:
        error = error.cause
    return error.message.strip().splitlines()[-1] if error else None


def _list_run_events(
    instance: dg.DagsterInstance, run_id: str, kind: dg.DagsterEventType
) -> Iterator[dg.DagsterEvent]:
    for record in instance.get_records_for_run(run_id, of_type=kind).records:
        if event := record.event_log_entry.dagster_event:
            yield event


def _parse_named_failures(event: dg.DagsterEvent) -> Iterator[tuple[str, str]]:
    """Parse (partition, reason) from the step's metadata `failed`.

    Its lines are `asset partition: reason` for partitions and `partition check: reason` for checks.
    """
    failure = event.step_failure_data.user_failure_data
    lines: Any = failure.metadata.get("failed") if failure else None
    for line in lines.value if lines else ():
        head, _, reason = str(line).partition(": ")
        first, _, second = head.partition(" ")
        yield (first, f"{second}: {reason}") if "|" in first else (second, reason)
