"""A failed run fails only the partitions that it names."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from crypto_assets.defs.assets.klines import klines_assets
from crypto_assets.defs.ingest import ingest_job
from crypto_assets.defs.partitions import (
    HOME_PARTITIONS,
    range_tags,
    register_symbol_partitions,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets_tests.pipeline.conftest import BuildPlatform
from crypto_assets_tests.services.exchange import ExchangeServer

_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
_YESTERDAY_AND_TODAY = range_tags("2025-03-05|BTCUSDT", "2025-03-06|SOLUSDT")


@pytest.fixture
def platform(server: ExchangeServer, build_platform: BuildPlatform) -> PipelineContext:
    platform: PipelineContext = build_platform(server, *_SYMBOLS)
    return platform


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    queue = {"module": "crypto_assets.dagster_ext.run_coordinator", "class": "RunClassCoordinator"}
    with dg.instance_for_test({"run_coordinator": queue}, temp_dir=str(tmp_path)) as instance:
        register_symbol_partitions(instance, _SYMBOLS)
        yield instance


@pytest.fixture
def job(platform: PipelineContext) -> dg.JobDefinition:
    defs = dg.Definitions(
        assets=[klines_assets],
        jobs=[ingest_job],
        resources={"platform": platform},
        executor=dg.in_process_executor,
    )
    return defs.resolve_job_def(ingest_job.name)


def queued(instance: dg.DagsterInstance, job: dg.JobDefinition) -> dg.DagsterRun:
    """A tick's run over two days, in the status in which its process starts."""
    run = instance.create_run_for_job(
        job, tags={**job.tags, **_YESTERDAY_AND_TODAY}, status=dg.DagsterRunStatus.STARTING
    )
    instance.run_coordinator.submit_run(dg.SubmitRunContext(run, workspace=None))  # type: ignore[arg-type]
    for stage in KlinesStage:
        red(instance, stage)  # Dagster caches partitions in progress when they are read
    return run


def red(instance: dg.DagsterInstance, stage: KlinesStage) -> set[str]:
    """The partitions that Dagster shows as failed."""
    status = get_and_update_asset_status_cache_value(
        instance, dg.AssetKey(stage.value), HOME_PARTITIONS.keys_def
    )
    if not status:
        return set()
    return set(
        status.deserialize_failed_partition_subsets(HOME_PARTITIONS.keys_def).get_partition_keys()
    )


def test_a_tick_that_fails_for_one_symbol_keeps_the_status_of_the_others(
    instance: dg.DagsterInstance, job: dg.JobDefinition, server: ExchangeServer
) -> None:
    server.faults.add_rule({"do": "status", "status": 451, "symbol": "ETHUSDT"})
    run = queued(instance, job)
    assert not execute_run(InMemoryJob(job), run, instance, raise_on_error=False).success
    assert {stage: red(instance, stage) for stage in KlinesStage} == {
        KlinesStage.RAW: {"2025-03-06|ETHUSDT"},
        KlinesStage.FACTS: set(),
        KlinesStage.HOURS: set(),
        KlinesStage.DAYS: set(),
    }
    server.faults.clear_rules()
    again = queued(instance, job)
    assert execute_run(InMemoryJob(job), again, instance, raise_on_error=False).success
    assert not any(red(instance, stage) for stage in KlinesStage)


def test_a_tick_whose_process_is_killed_fails_no_partition(
    instance: dg.DagsterInstance, job: dg.JobDefinition
) -> None:
    instance.report_run_failed(queued(instance, job), "its process is gone")
    assert not any(red(instance, stage) for stage in KlinesStage)
