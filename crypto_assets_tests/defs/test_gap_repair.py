"""Ticks, sensors and runs during an outage of database, exchange or lake, and after it.

Nothing is lost, and nothing must be restarted.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import dagster as dg
import pytest

from crypto_assets.defs.assets.klines import klines_assets
from crypto_assets.defs.close_day import close_day_schedule
from crypto_assets.defs.gap_repair import gaps_sensor, orphaned_objects_sensor
from crypto_assets.defs.ingest import ingest_schedule, order_books_schedule
from crypto_assets.defs.partitions import register_symbol_partitions
from crypto_assets.defs.symbol_partitions import catch_up_sensor, symbols_sensor
from crypto_assets.lake import DirectoryLake
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, from_epoch_ms
from crypto_assets.orchestrator.run_queue import INGEST_MODE_TAG
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform, open_times
from crypto_assets_tests.services.dagster_home import new_instance
from crypto_assets_tests.services.exchange import NOON, ExchangeServer
from crypto_assets_tests.services.gate import Gate, gate_before
from crypto_assets_tests.services.mariadb import DatabaseServer

SYMBOLS = ("BTCUSDT", "ETHUSDT")
SCHEDULES = (ingest_schedule, order_books_schedule, close_day_schedule)
SENSORS = (symbols_sensor, catch_up_sensor, gaps_sensor, orphaned_objects_sensor)


@pytest.fixture
def gate(mariadb: DatabaseServer) -> Iterator[Gate]:
    with gate_before(mariadb.port) as gate:
        yield gate


@pytest.fixture
def platform(server: ExchangeServer, build_platform: BuildPlatform) -> PipelineContext:
    platform: PipelineContext = build_platform(server, *SYMBOLS)
    return platform


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with new_instance(tmp_path) as instance:
        yield instance


@pytest.fixture
def instance(empty: dg.DagsterInstance) -> dg.DagsterInstance:
    register_symbol_partitions(empty, SYMBOLS)
    return empty


def tick(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> list[dg.RunRequest | dg.SkipReason]:
    """The first run request of every schedule and sensor, or its skip reason."""
    noon, resources = from_epoch_ms(NOON), {"platform": platform}
    with (
        dg.build_schedule_context(
            instance, scheduled_execution_time=noon, resources=resources
        ) as scheduled,
        dg.build_sensor_context(instance, resources=resources) as looking,
    ):
        found = [each.evaluate_tick(scheduled) for each in SCHEDULES] + [
            each.evaluate_tick(looking) for each in SENSORS
        ]
    return [next(iter(each.run_requests or ()), dg.SkipReason(each.skip_message)) for each in found]


def run_ingest_tick(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> dg.ExecuteInProcessResult:
    """Run what the schedule `ingest_schedule` requests."""
    request = tick(instance, platform)[0]
    assert isinstance(request, dg.RunRequest), request
    return dg.materialize(
        [klines_assets],
        selection=request.asset_selection,
        instance=instance,
        resources={"platform": platform},
        tags={**request.tags, INGEST_MODE_TAG: IngestMode.TAIL.value},
        run_config=request.run_config,
        raise_on_error=False,
    )


def expect_all_skip(found: list[dg.RunRequest | dg.SkipReason], word: str) -> None:
    reasons = [one.skip_message or "" for one in found if isinstance(one, dg.SkipReason)]
    assert len(reasons) == len(found), found
    assert all(word in reason for reason in reasons), reasons


def test_ticks_after_a_database_outage_ingest_all_candles(
    server: ExchangeServer,
    build_platform: BuildPlatform,
    mariadb: DatabaseServer,
    gate: Gate,
    instance: dg.DagsterInstance,
) -> None:
    url = mariadb.fresh().replace(f":{mariadb.port}/", f":{gate.port}/")
    platform = build_platform(server, *SYMBOLS, warehouse_url=url)
    assert run_ingest_tick(instance, platform).success
    gate.shut()
    expect_all_skip(tick(instance, platform), f"127.0.0.1:{gate.port}")
    gate.open()
    server.clock.advance(HOUR_MS)
    assert run_ingest_tick(instance, platform).success
    for symbol in SYMBOLS:
        assert len(open_times(platform, symbol)) == 13 * 60


def test_the_tick_after_an_exchange_outage_ingests_all_candles(
    server: ExchangeServer, platform: PipelineContext, instance: dg.DagsterInstance
) -> None:
    assert run_ingest_tick(instance, platform).success
    server.faults.add_rule({"do": "status", "status": 403})
    found = tick(instance, platform)
    # The other sensors do not need the exchange.
    expect_all_skip(found[:3], "403")
    assert all(isinstance(one, dg.SkipReason) for one in found)
    server.faults.clear_rules()
    server.clock.advance(HOUR_MS)
    result = run_ingest_tick(instance, platform)
    assert result.success
    for symbol in SYMBOLS:
        assert len(open_times(platform, symbol)) == 13 * 60
    green = instance.get_materialized_partitions(dg.AssetKey(KlinesStage.HOURS.value))
    assert green == {f"{TODAY}|{symbol}" for symbol in SYMBOLS}


def test_keys_fail_while_the_lake_cannot_be_written(
    server: ExchangeServer, platform: PipelineContext, instance: dg.DagsterInstance
) -> None:
    assert run_ingest_tick(instance, platform).success
    server.clock.advance(5 * MINUTE_MS)
    assert isinstance(platform.raw_lake, DirectoryLake)
    incoming = platform.raw_lake.directory / ".incoming"
    for path in incoming.iterdir():
        path.unlink()
    incoming.rmdir()
    incoming.touch()
    result = run_ingest_tick(instance, platform)
    assert not result.success
    (failure,) = result.get_step_failure_events()
    failure_data = failure.step_failure_data.user_failure_data
    assert failure_data and f"cannot write the lake {platform.raw_lake.url}" in str(
        failure_data.description
    )
    assert len(open_times(platform)) == 12 * 60
    with suppress(FileNotFoundError):
        incoming.unlink()
    assert run_ingest_tick(instance, platform).success
    for symbol in SYMBOLS:
        assert len(open_times(platform, symbol)) == 12 * 60 + 5


def test_nothing_is_launched_before_a_symbol_has_a_partition(
    platform: PipelineContext, empty: dg.DagsterInstance
) -> None:
    found = tick(empty, platform)
    expect_all_skip(found[:3], "no tracked symbol has partitions yet")
