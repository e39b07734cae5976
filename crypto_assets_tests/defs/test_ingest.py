"""The run that a tick requests, and when a tick skips."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from crypto_assets.dagster_ext.active_runs import find_active_run
from crypto_assets.defs.ingest import ingest_schedule, order_books_schedule
from crypto_assets.defs.partitions import register_symbol_partitions
from crypto_assets.market.utc_time import from_epoch_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets_tests.pipeline.conftest import BuildPlatform
from crypto_assets_tests.services.dagster_home import new_instance
from crypto_assets_tests.services.exchange import NOON, ExchangeServer


@dg.op
def nothing() -> None: ...


@dg.job
def ingest() -> None:
    nothing()


@pytest.fixture
def platform(server: ExchangeServer, build_platform: BuildPlatform) -> PipelineContext:
    platform: PipelineContext = build_platform(server, "BTCUSDT")
    return platform


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with new_instance(tmp_path) as instance:
        register_symbol_partitions(instance, ["BTCUSDT"])
        yield instance


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING])
def test_a_tick_skips_while_an_earlier_run_is_active(
    instance: dg.DagsterInstance, platform: PipelineContext, status: dg.DagsterRunStatus
) -> None:
    run = instance.create_run_for_job(ingest, status=status)
    with dg.build_schedule_context(
        instance, scheduled_execution_time=from_epoch_ms(NOON), resources={"platform": platform}
    ) as context:
        waiting = ingest_schedule.evaluate_tick(context)
        assert not waiting.run_requests
        assert f"run {run.run_id[:8]} of an earlier tick" in str(waiting.skip_message)
        assert order_books_schedule.evaluate_tick(context).run_requests
        instance.report_run_failed(run)
        assert ingest_schedule.evaluate_tick(context).run_requests


def test_a_run_older_than_the_timeout_does_not_block_ticks(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(ingest, status=dg.DagsterRunStatus.STARTED)
    assert find_active_run(instance, ingest.name) == run.run_id
    assert find_active_run(instance, ingest.name, timedelta(hours=1)) == run.run_id
    assert find_active_run(instance, ingest.name, timedelta()) is None
