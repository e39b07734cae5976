"""Production's dagster.yaml on real servers: storage in MariaDB, logs of runs in S3."""

import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import boto3
import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster_aws.s3 import S3ComputeLogManager
from mypy_boto3_s3 import S3Client

from crypto_assets.dagster_ext.executor import owner_stamping_executor
from crypto_assets.dagster_ext.run_coordinator import RunClassCoordinator
from crypto_assets.dagster_ext.run_retention import RunRetentionResult, delete_superseded_runs
from crypto_assets.definitions import defs
from crypto_assets.orchestrator.partition_keys import SYMBOL_PARTITIONS_NAME
from crypto_assets.orchestrator.run_queue import BACKFILL_TAGS
from crypto_assets.settings import get_settings
from crypto_assets_tests.dagster_ext.event_log import read_event_rows
from crypto_assets_tests.defs.partition_ranges import build_range_tags
from crypto_assets_tests.project.repository import ROOT, text
from crypto_assets_tests.services.dagster_tree import wait_for
from crypto_assets_tests.services.mariadb import DatabaseServer, create_dagster_database
from crypto_assets_tests.services.s3 import S3Server

_FACTS = dg.AssetKey("facts")
_KEY = "2025-03-06|BTCUSDT"


@dg.op
def talk(context: dg.OpExecutionContext) -> None:
    print("a word for the log")  # noqa: T201
    context.log_event(dg.AssetMaterialization(_FACTS, partition=_KEY))


@dg.job(executor_def=dg.in_process_executor)
def ingest() -> None:
    talk()


@pytest.fixture(scope="module")
def bucket(s3_server: S3Server) -> str:
    return s3_server.bucket_name()


@pytest.fixture(scope="module")
def instance(
    mariadb: DatabaseServer,
    s3_server: S3Server,
    bucket: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dg.DagsterInstance]:
    """An instance after deploy/init.sh."""
    environment = {
        **s3_server.environment(),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        "DAGSTER_LOG_BUCKET": bucket,
    }
    home = tmp_path_factory.mktemp("production")
    (home / "dagster.yaml").write_text(text("deploy/dagster.yaml"))
    with create_dagster_database(mariadb) as variables, pytest.MonkeyPatch.context() as patch:
        for variable, value in (environment | variables).items():
            patch.setenv(variable, value)
        get_settings.cache_clear()
        runpy.run_path(str(ROOT / "deploy/log_bucket.py"), run_name="__main__")
        with dg.DagsterInstance.from_config(str(home)) as instance:
            instance.upgrade()
            runpy.run_path(str(ROOT / "deploy/widen_columns.py"), run_name="__main__")
            yield instance
    get_settings.cache_clear()


def test_superseded_runs_are_deleted_with_their_logs_in_s3(
    instance: dg.DagsterInstance, bucket: str
) -> None:
    s3: S3Client = boto3.client("s3")
    old, new = (ingest.execute_in_process(instance=instance).run_id for _ in range(2))
    assert len(instance.get_runs()) == 2
    first = _keys(s3, bucket, old)
    (output,) = [key for key in first if key.endswith(".out")]
    assert b"a word for the log" in s3.get_object(Bucket=bucket, Key=output)["Body"].read()
    assert delete_superseded_runs(instance, ["ingest"], kept_runs=0) == RunRetentionResult(
        deleted=1, retained=1
    )
    assert [run.run_id for run in instance.get_runs()] == [new]
    assert _keys(s3, bucket, old) == []
    assert _keys(s3, bucket, new)
    assert instance.get_materialized_partitions(_FACTS) == {_KEY}


_SPEAKER = """
import sys, time, dagster as dg

@dg.op
def talk():
    print("a last word", flush=True)
    time.sleep(600)

@dg.job(executor_def=dg.in_process_executor)
def speech():
    talk()

if __name__ == "__main__":
    with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
        dg.execute_job(dg.reconstructable(speech), instance=instance)
"""


def test_the_output_of_a_killed_run_is_in_the_bucket(
    instance: dg.DagsterInstance, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "speaker.py").write_text(_SPEAKER)
    s3: S3Client = boto3.client("s3")
    command = [sys.executable, str(tmp_path / "speaker.py"), instance.root_directory]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as speaker:
        try:
            (run,) = wait_for(lambda: instance.get_runs(dg.RunsFilter(job_name="speech")))
            ended = (".out", ".out.partial")
            keys = wait_for(
                lambda: [key for key in _keys(s3, bucket, run.run_id) if key.endswith(ended)]
            )
        finally:
            speaker.kill()
    assert b"a last word" in s3.get_object(Bucket=bucket, Key=keys[0])["Body"].read()
    instance.delete_run(run.run_id)


def test_a_run_leaves_no_empty_log_folders_on_its_machine(
    instance: dg.DagsterInstance,
) -> None:
    logs = instance.compute_log_manager
    assert isinstance(logs, S3ComputeLogManager)
    output = Path(logs.local_manager.get_captured_local_path(["older", "compute_logs", "a"], "out"))
    folders = output.parents[2]
    output.parent.mkdir(parents=True)
    os.utime(output.parent, (0, 0))
    job = dg.GraphDefinition("quiet", node_defs=[talk]).to_job(executor_def=owner_stamping_executor)
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTING)
    assert execute_run(InMemoryJob(job), run, instance).success
    assert not (folders / run.run_id).exists()
    assert not (folders / "older").exists(), "left by an earlier version"
    instance.delete_run(run.run_id)


def test_partitions_in_any_script_and_of_any_length_are_distinct(
    instance: dg.DagsterInstance,
) -> None:
    long = "龍" * 45 + "\U00020bb7"
    names = [
        "币安人生USDT",
        "幣安人生USDT",
        f"{long}USDT",
        f"{long}USDC",
        "\u00c9USDT",
        "E\u0301USDT",
    ]
    asset = dg.AssetKey("distinct")
    instance.add_dynamic_partitions("scripts", names)
    assert instance.get_dynamic_partitions("scripts") == names
    for name in names[:-1]:
        key = f"2025-03-06|{name}"
        instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=key))
    found = instance.get_materialized_partitions(asset)
    assert found == {f"2025-03-06|{name}" for name in names[:-1]}
    first, last = (
        str(dg.MultiPartitionKey({"date": "2025-03-06", "symbol": n})) for n in names[2:4]
    )
    tags = {**build_range_tags(first, last), "crypto/past_of": names[2]}
    run = instance.create_run_for_job(ingest, tags=tags)
    for key, value in tags.items():
        runs = instance.get_runs(dg.RunsFilter(tags={key: value}))
        assert [one.run_id for one in runs] == [run.run_id]
        assert runs[0].tags[key] == value
    instance.delete_run(run.run_id)


def test_run_monitoring_retries_and_queue_are_enabled(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.run_coordinator, RunClassCoordinator)
    assert instance.run_monitoring_enabled
    assert instance.get_settings("run_monitoring")["max_runtime_seconds"] == 14_400
    assert instance.run_retries_enabled
    assert instance.freshness_enabled
    assert not instance.telemetry_enabled
    queue = instance.get_concurrency_config().run_queue_config
    assert queue
    assert queue.max_concurrent_runs == 8
    assert len(queue.tag_concurrency_limits) == 5


def test_a_run_without_a_run_class_gets_one_when_it_is_queued(instance: dg.DagsterInstance) -> None:
    """Tags that Dagster's UI or the user has set stay."""
    tags = {"dagster/backfill": "abc", "dagster/priority": "3"}
    run = instance.create_run_for_job(ingest, status=dg.DagsterRunStatus.STARTED, tags=tags)
    context = dg.SubmitRunContext(run, workspace=None)  # type: ignore[arg-type]
    queued = instance.run_coordinator.submit_run(context)
    assert queued.tags.items() >= {**BACKFILL_TAGS, "dagster/priority": "3"}.items()


def test_a_backfill_keeps_the_check_results_of_its_partitions(
    instance: dg.DagsterInstance,
) -> None:
    """Dagster plans the checks of a backfill, which does not evaluate them."""
    instance.add_dynamic_partitions(SYMBOL_PARTITIONS_NAME, ["BTCUSDT"])
    evaluation = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey("fact_klines"),
        check_name="complete_or_explained",
        passed=True,
        partition=_KEY,
    )
    instance.report_runless_asset_event(evaluation)
    statuses = partial(_statuses, instance, evaluation.asset_check_key)
    assert statuses() == ["SUCCEEDED"]
    run = instance.create_run_for_job(
        defs.resolve_implicit_global_asset_job_def(),
        tags={"dagster/backfill": "abc", **build_range_tags("2025-03-05|BTCUSDT", _KEY)},
        asset_selection=frozenset({evaluation.asset_key}),
        status=dg.DagsterRunStatus.STARTED,
    )
    assert statuses() == ["PLANNED", "PLANNED", "SUCCEEDED"], (
        "Dagster no longer plans the checks of a backfill: planned_events.py deletes them"
    )
    recorded = read_event_rows(instance)
    instance.run_coordinator.submit_run(dg.SubmitRunContext(run, workspace=None))  # type: ignore[arg-type]
    assert statuses() == ["SUCCEEDED"], "planned_events.py no longer finds the planned checks"
    assert read_event_rows(instance) == recorded


def _statuses(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> list[str]:
    """The statuses of a check's executions in all partitions, newest first."""
    history = instance.event_log_storage.get_asset_check_execution_history(check, limit=10)
    return [record.status.value for record in history]


def _keys(s3: S3Client, bucket: str, run_id: str) -> list[str]:
    found = s3.list_objects_v2(Bucket=bucket, Prefix=f"runs/storage/{run_id}/")
    return [one["Key"] for one in found.get("Contents", [])]
