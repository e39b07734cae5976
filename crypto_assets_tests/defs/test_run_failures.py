"""The reason of a failed run: in its step, in a tag, and in the result of the command."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from crypto_assets.defs.assets.klines import klines_assets
from crypto_assets.defs.assets.maintenance import retention
from crypto_assets.defs.backfill import backfill_job, run_backfill_in_process, split_into_rectangles
from crypto_assets.defs.partitions import register_symbol_partitions
from crypto_assets.errors import WrongUse
from crypto_assets.orchestrator.failure_reasons import parse_failure_reason
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.pipeline.conftest import BuildPlatform
from crypto_assets_tests.services.exchange import ExchangeServer

KEY = "2025-03-05|BTCUSDT"


@pytest.fixture
def platform(server: ExchangeServer, build_platform: BuildPlatform) -> PipelineContext:
    platform: PipelineContext = build_platform(server)
    return platform


@pytest.fixture
def not_migrated(platform: PipelineContext, tmp_path: Path) -> Iterator[PipelineContext]:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'other.db'}")
    (tmp_path / "other.db").touch()
    yield replace(platform, warehouse=warehouse)
    warehouse.close()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        register_symbol_partitions(instance, ["BTCUSDT"])
        yield instance


def run(
    asset: dg.AssetsDefinition,
    key: str | None,
    platform: PipelineContext,
    instance: dg.DagsterInstance,
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [asset],
        instance=instance,
        resources={"platform": platform},
        partition_key=key,
        raise_on_error=False,
    )


def left_reason(instance: dg.DagsterInstance, run_id: str) -> str:
    run = instance.get_run_by_id(run_id)
    assert run
    return parse_failure_reason(run_id, run.tags) or ""


@pytest.mark.parametrize(("asset", "key"), [(klines_assets, KEY), (retention, None)])
def test_the_error_of_an_unmigrated_warehouse_contains_the_command(
    asset: dg.AssetsDefinition,
    key: str | None,
    not_migrated: PipelineContext,
    instance: dg.DagsterInstance,
) -> None:
    result = run(asset, key, not_migrated, instance)
    assert not result.success
    (event,) = result.get_step_failure_events()
    failure_data = event.step_failure_data.user_failure_data
    assert failure_data and "crypto-assets init" in str(failure_data.description)
    assert "crypto-assets init" in left_reason(instance, result.run_id)


def test_failed_keys_are_in_a_tag_that_a_retried_run_ignores(
    server: ExchangeServer, platform: PipelineContext, instance: dg.DagsterInstance
) -> None:
    server.faults.add_rule({"do": "status", "status": 451, "symbol": "BTCUSDT"})
    server.faults.add_rule({"do": "archive", "how": "missing", "symbol": "BTCUSDT"})
    result = run(klines_assets, KEY, platform, instance)
    assert KEY in left_reason(instance, result.run_id)
    inherited = result.dagster_run.tags
    assert parse_failure_reason("00000000-1111", inherited) is None


def test_a_run_in_process_that_fails_before_its_step_reports_the_error(
    instance: dg.DagsterInstance,
) -> None:
    def refused(_: dg.InitResourceContext) -> PipelineContext:
        raise WrongUse("CRYPTO_LAKE_RAW_URL is nothing")

    defs = dg.Definitions(
        [klines_assets], jobs=[backfill_job], resources={"platform": dg.ResourceDefinition(refused)}
    )
    day = date(2025, 3, 5)
    parts = split_into_rectangles(["BTCUSDT"], day, day)
    progress: list[int] = []
    (error,) = run_backfill_in_process(defs, instance, parts, progress.append)
    assert "CRYPTO_LAKE_RAW_URL is nothing" in error
    assert progress == []
