"""Deletes superseded runs from Dagster's history, since every tick adds a run each minute.

The status of a partition depends on the run that materialized it last, and is lost when that run is
deleted. So two kinds of runs are kept: the newest runs of each automatic job, and older runs that
hold the last materialization of a partition. The latter lose their log files in the end.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

# Where and how Dagster stores runs in SQLite, and their output before it is uploaded.
from dagster._core.storage.cloud_storage_compute_log_manager import CloudStorageComputeLogManager
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.runs.schema import RunsTable, RunTagsTable

from crypto_assets.batches import iter_batches
from crypto_assets.dagster_ext.run_statuses import FINISHED_STATUSES
from crypto_assets.orchestrator.run_queue import RUN_CLASS_TAG, RunClass

# The classes of runs that schedules and sensors launch. Users launch backfills, which are few runs.
_AUTOMATIC_CLASSES = {RunClass.TICK, RunClass.CLOSE_DAY, RunClass.REPAIR, RunClass.MAINTENANCE}
# Per job, both for successful and for failed runs: an hour of ticks at one per minute.
KEPT_RUNS_PER_JOB = 60
# A day is fetched again a week later. Runs older than that are not superseded any more, so only
# their event files are deleted (SQLite: 0.4 MB per day): no partition's status needs those.
_RUN_WINDOW = timedelta(days=14)
_PAGE_SIZE = 500
# From the last file of an empty folder until it is deleted.
_LOG_FOLDER_SECONDS = 3600
_SUCCEEDED = [dg.DagsterRunStatus.SUCCESS]
_FAILED_OR_CANCELED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
AssetPartition = tuple[dg.AssetKey, str | None]


@dataclass(frozen=True)
class RunRetentionResult:
    """Counts of deleted runs, and of older runs retained for the status of a partition."""

    deleted: int
    retained: int


def list_automatic_jobs(repository: dg.RepositoryDefinition) -> list[str]:
    """List the jobs that schedules and sensors of a code location launch, of every market."""
    return [
        job.name
        for job in repository.get_all_jobs()
        if job.tags.get(RUN_CLASS_TAG) in _AUTOMATIC_CLASSES
    ]


def delete_superseded_runs(
    instance: dg.DagsterInstance,
    jobs: Iterable[str],
    kept_runs: int = KEPT_RUNS_PER_JOB,
    now: datetime | None = None,
) -> RunRetentionResult:
    """Delete the superseded runs of these jobs with their files; may be killed and repeated."""
    deleted = retained = 0
    recent = (now or datetime.now(UTC)) - _RUN_WINDOW
    for job in jobs:
        for page in iter_batches(_list_older_runs(instance, job, kept_runs, recent), _PAGE_SIZE):
            referenced = _find_referenced_runs(instance, page)
            for run_id in page:
                if run_id not in referenced:
                    _delete_run(instance, run_id)
            retained += len(referenced)
            deleted += len(page) - len(referenced)
        for run_id in _list_expired_runs(instance, job, recent):
            _delete_run_files(instance, run_id)
    _delete_orphaned_tags(instance)
    return RunRetentionResult(deleted, retained)


def delete_empty_log_folders(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete the empty folders in which a run that ends, and older runs, prepared their output.

    If it is uploaded, Dagster deletes the files, and leaves two folders for each run on the machine
    that executed it.
    """
    logs = instance.compute_log_manager
    if not isinstance(logs, CloudStorageComputeLogManager):
        return
    output = logs.local_manager.get_captured_local_path([run_id, "compute_logs", "step"], "out")
    for folder in Path(output).parents[2].glob("*/compute_logs"):
        # Not those of a run that is about to create its files, nor the files of a killed run.
        with suppress(OSError):
            age = time.time() - folder.stat().st_mtime
            if folder.parent.name == run_id or age > _LOG_FOLDER_SECONDS:
                folder.rmdir()
                folder.parent.rmdir()


def measure_home_bytes(home: Path) -> int:
    """Return the total size of all files in Dagster's home; files deleted meanwhile count 0."""
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
    """List recent runs without the newest `kept` successful and failed ones (alerts link there)."""
    return [
        record.dagster_run.run_id
        for statuses in (_SUCCEEDED, _FAILED_OR_CANCELED)
        for record in instance.get_run_records(
            dg.RunsFilter(job_name=job, statuses=statuses, created_after=recent)
        )[kept:]
    ]


def _list_expired_runs(instance: dg.DagsterInstance, job: str, recent: datetime) -> list[str]:
    """List runs that were created in the window before `recent`; repeated calls overlap."""
    expired = dg.RunsFilter(
        job_name=job,
        statuses=FINISHED_STATUSES,
        created_before=recent,
        created_after=recent - _RUN_WINDOW,
    )
    return [record.dagster_run.run_id for record in instance.get_run_records(expired)]


def _find_referenced_runs(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> set[str]:
    """Find the runs with the newest materialization of some asset or partition."""
    materialized: dict[dg.AssetKey, set[str | None]] = {}
    for run_id in run_ids:
        for asset, partition in _list_materialized_partitions(instance, run_id):
            materialized.setdefault(asset, set()).add(partition)
    newest = {
        run_id
        for asset, partitions in materialized.items()
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
    """Yield the run of each partition's newest materialization; None is an unpartitioned asset."""
    if None in partitions and (event := instance.get_latest_materialization_event(asset)):
        yield event.run_id
    named = {partition for partition in partitions if partition is not None}
    if not named:
        return
    # `fetch_materializations` for each partition would take seven times as long.
    newest = instance.event_log_storage.get_latest_storage_id_by_partition(
        asset, dg.DagsterEventType.ASSET_MATERIALIZATION, named
    )
    for page in iter_batches(sorted(newest.values()), _PAGE_SIZE):
        records_filter = dg.AssetRecordsFilter(asset_key=asset, storage_ids=page)
        for record in instance.fetch_materializations(records_filter, limit=_PAGE_SIZE).records:
            yield record.run_id


def _delete_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run, its row last, so that an interrupted deletion is found and repeated.

    `DagsterInstance.delete_run` would leave the logs and the event file without a run to find them.
    """
    instance.event_log_storage.delete_events(run_id)
    _delete_run_files(instance, run_id)
    instance.run_storage.delete_run(run_id)


def _delete_run_files(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run's logs and, on SQLite, its event file; asset events are in the index as well."""
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        file = Path(storage.path_for_shard(run_id))
        for path in file.parent.glob(f"{file.name}*"):
            path.unlink(missing_ok=True)


def _delete_orphaned_tags(instance: dg.DagsterInstance) -> None:
    """Delete the tags of deleted runs: Dagster does not enable foreign keys in SQLite."""
    storage = instance.run_storage
    if isinstance(storage, SqliteRunStorage):
        runs = RunsTable.select().with_only_columns(RunsTable.c.run_id)
        with storage.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 60000")
            connection.execute(RunTagsTable.delete().where(RunTagsTable.c.run_id.not_in(runs)))
