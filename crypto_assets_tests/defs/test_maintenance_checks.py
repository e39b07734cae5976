"""Dagster's own checks in the maintenance jobs: they run, they fail, and they fail no run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from crypto_assets.defs.assets.maintenance import dagster_history, retention, warehouse_tables
from crypto_assets.defs.maintenance import maintenance_job, thin_history_job
from crypto_assets.defs.maintenance_checks import MAINTENANCE_CHECKS
from crypto_assets.market.utc_time import HOUR_MS, now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets_tests.pipeline.conftest import BuildPlatform
from crypto_assets_tests.pipeline.tampering import tamper
from crypto_assets_tests.services.dagster_home import new_instance
from crypto_assets_tests.services.exchange import NOON, ExchangeServer

COLUMNS = "warehouse_tables:column_schema_change"
MISSING = "warehouse_tables:missing_minutes_bounds_check"
HOME = "dagster_history:home_bytes_bounds_check"
ALL_PASSED = {COLUMNS: True, MISSING: True, HOME: True}


# The stores of the test, for the jobs below, which Dagster builds once, as it does for a run.
STORES: dict[str, PipelineContext] = {}


def build_definitions() -> dg.Definitions:
    return dg.Definitions(
        assets=[retention, warehouse_tables, dagster_history],
        asset_checks=MAINTENANCE_CHECKS,
        jobs=[maintenance_job, thin_history_job],
        resources={"platform": dg.ResourceDefinition(lambda _: STORES["platform"])},
        executor=dg.in_process_executor,
    )


def build_maintenance() -> dg.JobDefinition:
    return build_definitions().resolve_job_def("maintenance")


def build_thin_history() -> dg.JobDefinition:
    return build_definitions().resolve_job_def("thin_history")


@pytest.fixture
def platform(
    server: ExchangeServer, build_platform: BuildPlatform, monkeypatch: pytest.MonkeyPatch
) -> PipelineContext:
    server.clock.set_time(now_ms())  # retention refuses another time
    platform: PipelineContext = build_platform(server)
    monkeypatch.setitem(STORES, "platform", platform)
    return platform


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "dagster"
    home.mkdir()
    with new_instance(home) as instance:
        yield instance


def run_checks(
    instance: dg.DagsterInstance, build_job: Callable[[], dg.JobDefinition] = build_maintenance
) -> dict[str, dg.AssetCheckEvaluation]:
    """Run a job, which must succeed, and return the evaluations of its checks."""
    with dg.execute_job(dg.reconstructable(build_job), instance) as result:
        assert result.success
        return {
            evaluation.asset_check_key.to_user_string(): evaluation
            for evaluation in result.get_asset_check_evaluations()
        }


def list_passed(evaluations: dict[str, dg.AssetCheckEvaluation]) -> dict[str, bool]:
    return {name: evaluation.passed for name, evaluation in evaluations.items()}


def test_a_changed_column_is_reported_once(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    assert list_passed(run_checks(instance)) == ALL_PASSED
    tamper(platform, "ALTER TABLE daily_klines ADD COLUMN planted INTEGER")
    tamper(platform, "ALTER TABLE fact_klines RENAME COLUMN trade_count TO trades")
    evaluations = run_checks(instance)
    assert list_passed(evaluations) == {**ALL_PASSED, COLUMNS: False}
    failed = evaluations[COLUMNS]
    assert failed.severity is dg.AssetCheckSeverity.WARN
    assert "Added columns: daily_klines.planted, fact_klines.trades" in str(failed.description)
    assert "Removed columns: fact_klines.trade_count" in str(failed.description)
    assert list_passed(run_checks(instance)) == ALL_PASSED


def test_too_many_missing_minutes_are_reported(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    end = NOON - NOON % HOUR_MS
    for hours, passed in ((24, True), (25, False)):
        tamper(platform, "DELETE FROM kline_gaps")
        tamper(
            platform,
            'INSERT INTO kline_gaps (symbol_id, start, "end", minutes, class, evidence, first_seen,'
            f" attempts) VALUES ({{symbol}}, {end - hours * HOUR_MS}, {end}, {hours * 60}, 'open',"
            " '', 0, 0)",
        )
        evaluations = run_checks(instance)
        assert list_passed(evaluations) == {**ALL_PASSED, MISSING: passed}
    assert "Value `1500` is greater than 1440" in str(evaluations[MISSING].description)


def test_a_home_that_grows_is_reported_every_hour(instance: dg.DagsterInstance) -> None:
    assert list_passed(run_checks(instance, build_thin_history)) == {HOME: True}
    with (Path(instance.root_directory) / "planted").open("wb") as file:
        file.truncate(5_000_000_001)  # sparse
    assert list_passed(run_checks(instance, build_thin_history)) == {HOME: False}
