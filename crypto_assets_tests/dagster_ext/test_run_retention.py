"""Dagster's own history is thinned out, and no partition turns from green to grey by it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import StepMaterializationData

from crypto_assets.dagster_ext import run_retention
from crypto_assets.dagster_ext.run_retention import (
    RunRetentionResult,
    delete_superseded_runs,
    measure_home_bytes,
)

_DAY = "2025-03-06|BTCUSDT"
_NEXT = "2025-03-07|BTCUSDT"
_FACTS = dg.AssetKey("facts")


@dg.job
def ingest() -> None: ...


@dg.asset
def swept() -> None: ...


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def tick(instance: dg.DagsterInstance, *keys: str, fails: bool = False) -> str:
    """A run that has ended, as its worker writes it: materialisations, files, how it ended."""
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
    """Ids of the runs of which any file or folder is left."""
    home = Path(instance.root_directory)
    events = {path.name.split(".db")[0] for path in (home / "history" / "runs").glob("*-*.db*")}
    return events | {path.name for path in (home / "storage").iterdir()}


def test_superseded_runs_go_with_their_files_and_partitions_stay_green(
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


def test_a_day_closed_in_one_run_frees_all_its_ticks(instance: dg.DagsterInstance) -> None:
    ticks = [tick(instance, _DAY, _NEXT), tick(instance, _DAY)]
    closing = tick(instance, _DAY, _NEXT)
    delete_superseded_runs(instance, ["ingest"], kept_runs=1)
    assert left(instance) == {closing}
    assert instance.get_materialized_partitions(_FACTS) == {_DAY, _NEXT}
    assert not set(ticks) & files(instance)


def test_failures_are_kept_beside_successes(instance: dg.DagsterInstance) -> None:
    """A run that an alert links to must not be gone an hour later."""
    failed = [tick(instance, _DAY, fails=True) for _ in range(3)]
    good = [tick(instance, _DAY) for _ in range(3)]
    delete_superseded_runs(instance, ["ingest"], kept_runs=2)
    assert left(instance) == {*failed[-2:], *good[-2:]}


def test_other_jobs_and_unfinished_runs_are_left_alone(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(ingest, status=dg.DagsterRunStatus.STARTED)
    tick(instance, _DAY)
    assert delete_superseded_runs(instance, ["maintenance"], kept_runs=0) == RunRetentionResult(
        0, 0
    )
    assert delete_superseded_runs(instance, ["ingest"], kept_runs=0) == RunRetentionResult(0, 1)
    assert run.run_id in left(instance)


def test_an_asset_without_partitions(instance: dg.DagsterInstance) -> None:
    job = dg.Definitions(
        assets=[swept], jobs=[dg.define_asset_job("maintenance", selection=[swept])]
    ).resolve_job_def("maintenance")
    runs = [job.execute_in_process(instance=instance).run_id for _ in range(3)]
    assert delete_superseded_runs(instance, ["maintenance"], kept_runs=0) == RunRetentionResult(
        deleted=2, retained=1
    )
    assert left(instance) == {runs[-1]}


def test_what_speaks_for_good_does_so_without_files(instance: dg.DagsterInstance) -> None:
    """Else the home would grow by each day's last order book and closing for ever."""
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


@pytest.mark.parametrize("killed_at", ["events", "file", "row"])
def test_killed_half_way_it_is_done_again(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    """Whatever the moment, the next look finds what is left and takes it away."""
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


def test_tags_go_with_their_run(instance: dg.DagsterInstance) -> None:
    [tick(instance, _DAY) for _ in range(3)]
    delete_superseded_runs(instance, ["ingest"], kept_runs=1)
    assert sum(len(tags) for _, tags in instance.get_run_tags(["crypto/kind"])) == 1
    with run_retention.closing(run_retention.sqlite3.connect(_runs(instance))) as runs:
        (owners,) = runs.execute("SELECT COUNT(DISTINCT run_id) FROM run_tags").fetchone()
    assert owners == 1


def _runs(instance: dg.DagsterInstance) -> Path:
    return Path(instance.root_directory) / "history" / "runs.db"
