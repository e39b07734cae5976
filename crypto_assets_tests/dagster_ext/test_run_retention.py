"""Superseded runs are deleted from Dagster's history, and no partition loses its status."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import StepMaterializationData

from crypto_assets.dagster_ext.run_retention import (
    RunRetentionResult,
    delete_superseded_runs,
    list_automatic_jobs,
    measure_home_bytes,
)
from crypto_assets.definitions import defs

_DAY = "2025-03-06|BTCUSDT"
_NEXT = "2025-03-07|BTCUSDT"
_FACTS = dg.AssetKey("facts")


@dg.job
def ingest() -> None: ...


@dg.asset
def cleanup() -> None: ...


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def tick(instance: dg.DagsterInstance, *keys: str, fails: bool = False) -> str:
    """Record an ended run: its materializations, its log files and its status."""
    run = instance.create_run_for_job(ingest, tags={"crypto/kind": "tick"})
    for key in keys:
        data = StepMaterializationData(dg.AssetMaterialization(_FACTS, partition=key))
        kind = dg.DagsterEventType.ASSET_MATERIALIZATION.value
        event = dg.DagsterEvent(kind, ingest.name, event_specific_data=data)
        instance.report_dagster_event(event, run_id=run.run_id)
    output = Path(instance.storage_directory()) / run.run_id / "compute_logs" / "step.out"
    output.parent.mkdir(parents=True)
    output.write_text("what a run prints")
    ended = dg.DagsterEventType.RUN_FAILURE if fails else dg.DagsterEventType.RUN_SUCCESS
    instance.report_dagster_event(dg.DagsterEvent(ended.value, ingest.name), run_id=run.run_id)
    return run.run_id


def left(instance: dg.DagsterInstance) -> set[str]:
    return {run.run_id for run in instance.get_runs()}


def files(instance: dg.DagsterInstance) -> set[str]:
    """Ids of the runs with any remaining file or folder."""
    home = Path(instance.root_directory)
    events = {path.name.split(".db")[0] for path in (home / "history" / "runs").glob("*-*.db*")}
    return events | {path.name for path in (home / "storage").iterdir()}


def test_superseded_runs_are_deleted_and_partitions_keep_their_status(
    instance: dg.DagsterInstance,
) -> None:
    old = [tick(instance, _DAY) for _ in range(4)]
    new = [tick(instance, _NEXT) for _ in range(4)]
    before = measure_home_bytes(Path(instance.root_directory))
    assert len(files(instance)) == 8
    assert delete_superseded_runs(instance, ["ingest"], kept_runs=2) == RunRetentionResult(
        deleted=5, retained=1
    )
    assert left(instance) == files(instance) == {old[-1], *new[-2:]}
    assert instance.get_materialized_partitions(_FACTS) == {_DAY, _NEXT}
    assert measure_home_bytes(Path(instance.root_directory)) < before - 5 * 100_000
    assert delete_superseded_runs(instance, ["ingest"], kept_runs=2) == RunRetentionResult(
        deleted=0, retained=1
    )


def test_the_run_that_closes_a_day_supersedes_its_ticks(instance: dg.DagsterInstance) -> None:
    ticks = [tick(instance, _DAY, _NEXT), tick(instance, _DAY)]
    closing = tick(instance, _DAY, _NEXT)
    delete_superseded_runs(instance, ["ingest"], kept_runs=1)
    assert left(instance) == {closing}
    assert instance.get_materialized_partitions(_FACTS) == {_DAY, _NEXT}
    assert not set(ticks) & files(instance)


def test_the_newest_failed_runs_are_kept(instance: dg.DagsterInstance) -> None:
    """A run that an alert links to must exist an hour later."""
    failed = [tick(instance, _DAY, fails=True) for _ in range(3)]
    good = [tick(instance, _DAY) for _ in range(3)]
    delete_superseded_runs(instance, ["ingest"], kept_runs=2)
    assert left(instance) == {*failed[-2:], *good[-2:]}


def test_other_jobs_and_unfinished_runs_are_kept(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(ingest, status=dg.DagsterRunStatus.STARTED)
    tick(instance, _DAY)
    assert delete_superseded_runs(instance, ["maintenance"], kept_runs=0) == RunRetentionResult(
        0, 0
    )
    assert delete_superseded_runs(instance, ["ingest"], kept_runs=0) == RunRetentionResult(0, 1)
    assert run.run_id in left(instance)


def test_an_asset_without_partitions(instance: dg.DagsterInstance) -> None:
    job = dg.Definitions(
        assets=[cleanup], jobs=[dg.define_asset_job("maintenance", selection=[cleanup])]
    ).resolve_job_def("maintenance")
    runs = [job.execute_in_process(instance=instance).run_id for _ in range(3)]
    assert delete_superseded_runs(instance, ["maintenance"], kept_runs=0) == RunRetentionResult(
        deleted=2, retained=1
    )
    assert left(instance) == {runs[-1]}


def test_old_runs_that_partitions_need_lose_their_files(instance: dg.DagsterInstance) -> None:
    """Otherwise the home would grow by the event files of two runs each day."""
    last = tick(instance, _DAY)
    later = datetime.now(UTC) + timedelta(days=15)
    assert delete_superseded_runs(
        instance, ["ingest"], kept_runs=0, now=later
    ) == RunRetentionResult(0, 0)
    assert files(instance) == set()
    assert left(instance) == {last}
    assert instance.get_materialized_partitions(_FACTS) == {_DAY}
    record = instance.fetch_materializations(_FACTS, limit=1).records[0]
    assert (record.run_id, record.partition_key) == (last, _DAY)


@pytest.mark.parametrize("days", [200, -400])
def test_a_wrong_clock_deletes_no_run_that_a_right_one_would_keep(
    instance: dg.DagsterInstance, days: int
) -> None:
    runs = {tick(instance, _DAY) for _ in range(3)}
    wrong = datetime.now(UTC) + timedelta(days=days)
    delete_superseded_runs(instance, ["ingest"], kept_runs=3, now=wrong)
    assert left(instance) == files(instance) == runs


@pytest.mark.parametrize("killed_at", ["events", "file", "row"])
def test_an_interrupted_deletion_is_repeated(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    """After an interruption at any moment, the next call deletes the rest."""
    [tick(instance, _DAY) for _ in range(3)]
    kept = tick(instance, _DAY)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if killed_at == "events":
            patch.setattr(instance.event_log_storage, "delete_events", die)
        elif killed_at == "file":
            patch.setattr(Path, "unlink", die)
        else:
            patch.setattr(instance.run_storage, "delete_run", die)
        with pytest.raises(KeyboardInterrupt):
            delete_superseded_runs(instance, ["ingest"], kept_runs=1)
    with dg.DagsterInstance.from_config(instance.root_directory) as next_process:
        delete_superseded_runs(next_process, ["ingest"], kept_runs=1)
    assert left(instance) == files(instance) == {kept}
    assert instance.get_materialized_partitions(_FACTS) == {_DAY}


def test_files_outside_the_home_are_deleted(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    (home / "dagster.yaml").write_text(
        f"telemetry: {{enabled: false}}\nstorage: {{sqlite: {{base_dir: {elsewhere}}}}}\n"
    )
    with dg.DagsterInstance.from_config(str(home)) as instance:
        runs = [tick(instance, _DAY) for _ in range(3)]
        delete_superseded_runs(instance, ["ingest"], kept_runs=1)
    kept = {path.name for path in elsewhere.rglob("*-*.db")}
    assert kept == {f"{runs[-1]}.db"}


def test_tags_of_deleted_runs_are_deleted(instance: dg.DagsterInstance) -> None:
    [tick(instance, _DAY) for _ in range(3)]
    delete_superseded_runs(instance, ["ingest"], kept_runs=1)
    assert sum(len(tags) for _, tags in instance.get_run_tags(["crypto/kind"])) == 1
    with closing(sqlite3.connect(_runs(instance))) as runs:
        (owners,) = runs.execute("SELECT COUNT(DISTINCT run_id) FROM run_tags").fetchone()
    assert owners == 1


def _runs(instance: dg.DagsterInstance) -> Path:
    return Path(instance.root_directory) / "history" / "runs.db"


def test_the_jobs_of_schedules_and_sensors_are_automatic() -> None:
    assert sorted(list_automatic_jobs(defs.get_repository_def())) == [
        "close_day",
        "ingest",
        "load_leftover_books",
        "load_leftovers",
        "maintenance",
        "mend_gaps",
        "order_books",
        "thin_history",
    ]
