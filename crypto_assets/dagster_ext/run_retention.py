"""Dagster's own history, thinned out: ticks come by the minute, and each leaves a run behind.

What a run has materialised stands in the status of its partitions for as long as no later run has
materialised them too, and goes with the run. So the newest runs of each live job stay for people to
look at, and of the older ones those that still speak for a partition; in the end without files.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

# What is launched without anybody asking; a backfill's runs are few, and somebody's.
AUTOMATIC_JOBS = (
    "ingest",
    "order_books",
    "close_day",
    "mend_gaps",
    "load_leftovers",
    "load_leftover_books",
    "maintenance",
    "thin_history",
)
# Of each job, good ones and bad ones each: an hour of ticks at one a minute.
KEPT_RUNS_PER_JOB = 60
# A week's later reading of a day supersedes its closing; what still speaks then, speaks for good.
# Its file of events, 0.4 MB of each day on SQLite, goes then: no partition's status needs it.
_RUN_WINDOW = timedelta(days=14)
_PAGE_SIZE = 500
_SUCCEEDED = [dg.DagsterRunStatus.SUCCESS]
_FAILED_OR_CANCELED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
AssetPartition = tuple[dg.AssetKey, str | None]


@dataclass(frozen=True)
class RunRetentionResult:
    """Runs that went, and older ones that stay because the status of a partition is theirs."""

    deleted: int
    retained: int


def delete_superseded_runs(
    instance: dg.DagsterInstance,
    jobs: Iterable[str],
    kept_runs: int = KEPT_RUNS_PER_JOB,
    now: datetime | None = None,
) -> RunRetentionResult:
    """Delete the superseded runs of these jobs with all their files; killed, it is done again."""
    deleted = speaking = 0
    recent = (now or datetime.now(UTC)) - _RUN_WINDOW
    for job in jobs:
        for page in _split_into_pages(_list_older_runs(instance, job, kept_runs, recent)):
            voices = _find_referenced_runs(instance, page)
            for run_id in page:
                if run_id not in voices:
                    _delete_run(instance, run_id)
            speaking += len(voices)
            deleted += len(page) - len(voices)
        for run_id in _list_expired_runs(instance, job, recent):
            _delete_run_files(instance, run_id)
    _delete_orphaned_tags(instance)
    return RunRetentionResult(deleted, speaking)


def measure_home_bytes(home: Path) -> int:
    """Of all files below Dagster's home; one that goes while it is counted counts nothing."""
    total = 0
    for path in home.rglob("*"):
        try:
            total += path.lstat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def _list_older_runs(
    instance: dg.DagsterInstance, job: str, kept: int, recent: datetime
) -> list[str]:
    """Ids of those beyond the newest good and the newest bad ones, which alerts link to."""
    return [
        record.dagster_run.run_id
        for statuses in (_SUCCEEDED, _FAILED_OR_CANCELED)
        for record in instance.get_run_records(
            dg.RunsFilter(job_name=job, statuses=statuses, created_after=recent)
        )[kept:]
    ]


def _list_expired_runs(instance: dg.DagsterInstance, job: str, recent: datetime) -> list[str]:
    """Ids of those that have become so within a while: each is met there more than once."""
    while_ago = dg.RunsFilter(
        job_name=job,
        statuses=[*_SUCCEEDED, *_FAILED_OR_CANCELED],
        created_before=recent,
        created_after=recent - _RUN_WINDOW,
    )
    return [record.dagster_run.run_id for record in instance.get_run_records(while_ago)]


def _split_into_pages(run_ids: Sequence[str]) -> Iterator[list[str]]:
    for at in range(0, len(run_ids), _PAGE_SIZE):
        yield list(run_ids[at : at + _PAGE_SIZE])


def _find_referenced_runs(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> set[str]:
    """Those of the runs that hold the newest materialisation of some asset or partition."""
    touched: dict[dg.AssetKey, set[str | None]] = {}
    for run_id in run_ids:
        for asset, partition in _list_materialized_partitions(instance, run_id):
            touched.setdefault(asset, set()).add(partition)
    newest = {
        run_id
        for asset, partitions in touched.items()
        for run_id in _find_newest_runs(instance, asset, partitions)
    }
    return newest & set(run_ids)


def _list_materialized_partitions(
    instance: dg.DagsterInstance, run_id: str
) -> Iterator[AssetPartition]:
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    for record in instance.get_records_for_run(run_id, of_type=kind).records:
        event = record.event_log_entry.dagster_event
        if event and event.asset_key:
            yield event.asset_key, event.partition


def _find_newest_runs(
    instance: dg.DagsterInstance, asset: dg.AssetKey, partitions: set[str | None]
) -> Iterator[str]:
    """Runs of the newest materialisation of each partition, or of an asset that has none."""
    if None in partitions and (event := instance.get_latest_materialization_event(asset)):
        yield event.run_id
    named = {partition for partition in partitions if partition is not None}
    if not named:
        return
    newest = instance.event_log_storage.get_latest_storage_id_by_partition(
        asset, dg.DagsterEventType.ASSET_MATERIALIZATION, named
    )
    ids = sorted(newest.values())
    for at in range(0, len(ids), _PAGE_SIZE):
        wanted = dg.AssetRecordsFilter(asset_key=asset, storage_ids=ids[at : at + _PAGE_SIZE])
        for record in instance.fetch_materializations(wanted, limit=_PAGE_SIZE).records:
            yield record.run_id


def _delete_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """The run's row goes last: whatever moment it is killed at, the run is found and deleted again.

    `delete_run` itself would leave output and event file behind, without a run to find them by.
    """
    instance.event_log_storage.delete_events(run_id)
    _delete_run_files(instance, run_id)
    instance.run_storage.delete_run(run_id)


def _delete_run_files(instance: dg.DagsterInstance, run_id: str) -> None:
    """Its output, and on SQLite the file of its events; those of assets stand in another too."""
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    for path in (_instance_folder(instance) / "history" / "runs").glob(f"{run_id}.db*"):
        path.unlink(missing_ok=True)


def _delete_orphaned_tags(instance: dg.DagsterInstance) -> None:
    """Dagster does not switch on SQLite's foreign keys, so tags outlive their run there."""
    path = _instance_folder(instance) / "history" / "runs.db"
    if not path.exists():
        return
    with closing(sqlite3.connect(path, timeout=60)) as runs, runs:
        runs.execute("DELETE FROM run_tags WHERE run_id NOT IN (SELECT run_id FROM runs)")


def _instance_folder(instance: dg.DagsterInstance) -> Path:
    return Path(instance.root_directory)
