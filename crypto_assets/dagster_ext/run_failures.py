"""Why a run failed, in one line for each of its bad partitions."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

_PARTITION_TAGS = ("dagster/partition", "dagster/asset_partition_range_start")
_RANGE_END_TAG = "dagster/asset_partition_range_end"


def list_failed_partitions(
    instance: dg.DagsterInstance, run: dg.DagsterRun
) -> list[tuple[str, str, str]]:
    """(symbol, partition, reason) of a failed run, a symbol only once for the same reason.

    Without a word on single partitions, the run's own range and what its last event says.
    """
    events = list(_list_run_events(instance, run.run_id, dg.DagsterEventType.STEP_FAILURE))
    named = [line for event in events for line in _parse_named_failures(event)]
    if not named:
        reason = (
            describe_step_failure(events[-1])
            if events
            else describe_run_failure(instance, run.run_id)
        )
        return [
            (
                _parse_partition_symbol(_describe_partition_range(run)),
                _describe_partition_range(run),
                reason,
            )
        ]
    found: dict[tuple[str, str], tuple[str, str, str]] = {}
    for partition, reason in named:
        found.setdefault(
            (_parse_partition_symbol(partition), reason),
            (_parse_partition_symbol(partition), partition, reason),
        )
    return list(found.values())


def describe_step_failure(event: dg.DagsterEvent) -> str:
    """One line: what the failed step itself said."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    return _find_root_cause(data.error) or "the step failed"


def describe_run_failure(instance: dg.DagsterInstance, run_id: str) -> str:
    """One line: what Dagster says of a run that failed outside its step."""
    found = None
    for event in _list_run_events(instance, run_id, dg.DagsterEventType.RUN_FAILURE):
        # Who finds a run dead says so without data.
        error = event.job_failure_data.error if event.event_specific_data else None
        lines = (event.message or "").strip().splitlines()
        found = _find_root_cause(error) or (lines[-1] if lines else None)
    return found or "the run failed without a word"


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
    """What a run lists: `asset partition: reason` of bad keys, `partition check: …` of checks."""
    said = event.step_failure_data.user_failure_data
    listed: Any = said.metadata.get("failed") if said else None
    for line in listed.value if listed else ():
        head, _, reason = str(line).partition(": ")
        first, _, second = head.partition(" ")
        yield (first, f"{second}: {reason}") if "|" in first else (second, reason)


def _describe_partition_range(run: dg.DagsterRun) -> str:
    first = next((run.tags[tag] for tag in _PARTITION_TAGS if tag in run.tags), "")
    last = run.tags.get(_RANGE_END_TAG, first)
    return first if last == first else f"{first} to {last}"


def _parse_partition_symbol(partition: str) -> str:
    """Of `2026-01-01|BTCUSDT`; nothing of a range over several symbols."""
    names = {part.split(" ")[0] for part in partition.split("|")[1:]}
    return names.pop() if len(names) == 1 else ""
