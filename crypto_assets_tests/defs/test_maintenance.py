"""The nightly run: the asset `retention` with its counts as metadata."""

from dataclasses import replace

import dagster as dg

from crypto_assets.dagster_ext.run_failures import list_failed_partitions
from crypto_assets.definitions import defs
from crypto_assets.defs.assets.maintenance import retention
from crypto_assets.lake import build_depth_object
from crypto_assets.market.lake_object import Source
from crypto_assets.market.utc_time import DAY_MS, now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.retention_policy import RetentionPolicy
from crypto_assets_tests.pipeline.conftest import BuildPlatform
from crypto_assets_tests.services.exchange import StartExchange


def test_counts_and_bytes_are_metadata(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = replace(
        build_platform(simulated_exchange(now=now_ms(), speed=1)),
        retention_policy=RetentionPolicy(raw_days=7),
    )
    size = _old_object(platform)
    result = dg.materialize([retention], resources={"platform": platform})
    seen = result.asset_materializations_for_node("retention")[0].metadata
    figures = {name: value.value for name, value in seen.items() if name != "blockers"}
    assert figures == {
        "objects_moved": 1,
        "bytes_moved": size,
        "objects_deleted": 0,
        "bytes_deleted": 0,
        "objects_not_moved": 0,
        "minute_rows_deleted": 0,
        "order_book_levels_deleted": 0,
    }
    assert [entry.size_bytes for entry in platform.archive_lake.list_entries()] == [size]


def test_a_wrong_clock_fails_the_nightly_run_with_its_reason(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """A failed run sends an alert."""
    server = simulated_exchange(now=now_ms() - 200 * DAY_MS, speed=1)
    platform = replace(build_platform(server), retention_policy=RetentionPolicy(raw_days=7))
    _old_object(platform)
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [retention], resources={"platform": platform}, instance=instance, raise_on_error=False
        )
        ((_, _, reason),) = list_failed_partitions(instance, result.dagster_run)
    assert "nothing was expired, because this machine's clock (" in reason
    assert len(list(platform.raw_lake.list_entries())) == 1


def test_the_nightly_job_runs_the_maintenance_group_at_three() -> None:
    schedule = defs.resolve_schedule_def("maintenance_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 3 * * *", "UTC")
    job = defs.resolve_job_def("maintenance")
    assert dg.AssetKey("retention") in job.asset_layer.executable_asset_keys


def _old_object(platform: PipelineContext) -> int:
    """Store a loaded object of ten days ago, and return its size."""
    captured = now_ms() - 10 * DAY_MS
    item, body = build_depth_object(platform.raw_lake.bucket, "BTCUSDT", b"{}", captured)
    platform.raw_lake.put(item.key, body, fetched_at=captured, source=Source.REST, rows=0)
    platform.warehouse.lake_objects.record_objects([item])
    platform.warehouse.lake_objects.mark_loaded([item])
    platform.warehouse._database.run_write(
        lambda c: c.exec_driver_sql("UPDATE lake_objects SET loaded_at = fetched_at")
    )
    return item.size_bytes
