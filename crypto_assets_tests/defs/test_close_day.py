"""Days are closed as Dagster runs, and judged partition by partition; gaps and leftovers mended."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from crypto_assets.defs.assets.klines import klines_assets
from crypto_assets.defs.assets.order_books import order_book_assets
from crypto_assets.defs.close_day import close_day_job, close_day_schedule
from crypto_assets.defs.gap_repair import (
    gaps_sensor,
    load_orphaned_books_job,
    load_orphaned_objects_job,
    orphaned_objects_sensor,
    repair_gaps_job,
)
from crypto_assets.defs.ingest import (
    ingest_job,
    ingest_schedule,
    order_books_job,
    order_books_schedule,
)
from crypto_assets.defs.partitions import range_tags, register_symbol_partitions
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    day_start_ms,
    format_utc,
    from_epoch_ms,
    now_ms,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.bootstrap import register_symbols
from crypto_assets.pipeline.reconciliation.asset_checks import DayCheck
from crypto_assets.pipeline.stages.order_books import capture_order_book
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.pipeline.stages.store_raw import store_window
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform, build_platform, run_ingest
from crypto_assets_tests.pipeline.tampering import tamper
from crypto_assets_tests.services.exchange import NOON, ExchangeServer

__all__ = ["build_platform"]

_SYMBOLS = ("BTCUSDT", "ETHUSDT")
_YESTERDAY = TODAY - timedelta(days=1)
_NEXT_MORNING = day_start_ms(TODAY + timedelta(days=1)) + 7 * HOUR_MS + MINUTE_MS // 2
_CHECKED = {
    DayCheck.COMPLETE: "fact_klines",
    DayCheck.SANE: "fact_klines",
    DayCheck.LAKE: "fact_klines",
    DayCheck.EXCHANGE: "daily_klines",
}


@pytest.fixture
def platform(server: ExchangeServer, build_platform: BuildPlatform) -> PipelineContext:
    """Yesterday from its archive and half of today."""
    built: PipelineContext = build_platform(server, *_SYMBOLS)
    run_ingest(built, *_SYMBOLS, first=_YESTERDAY)
    return built


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        register_symbol_partitions(instance, _SYMBOLS)
        yield instance


def run(
    instance: dg.DagsterInstance, platform: PipelineContext, request: dg.RunRequest, job: str
) -> dg.ExecuteInProcessResult:
    defs = dg.Definitions(
        assets=[klines_assets, order_book_assets],
        jobs=[close_day_job, repair_gaps_job, load_orphaned_objects_job, load_orphaned_books_job],
        resources={"platform": platform},
    )
    return defs.resolve_job_def(job).execute_in_process(
        instance=instance,
        tags=dict(request.tags),
        asset_selection=request.asset_selection,
        raise_on_error=False,
    )


def asked(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance, platform: PipelineContext
) -> list[dg.RunRequest]:
    with dg.build_sensor_context(instance, resources={"platform": platform}) as context:
        # As the daemon evaluates it, which refuses requests and a reason together.
        return list(sensor.evaluate_tick(context).run_requests or ())


def closings(instance: dg.DagsterInstance, platform: PipelineContext) -> list[dg.RunRequest]:
    morning = datetime(2025, 3, 7, 7, tzinfo=UTC)
    with dg.build_schedule_context(
        instance, scheduled_execution_time=morning, resources={"platform": platform}
    ) as context:
        return list(close_day_schedule.evaluate_tick(context).run_requests or ())


def verdicts(instance: dg.DagsterInstance, day: date, symbol: str) -> dict[DayCheck, bool | None]:
    """What stands in Dagster of a partition's checks."""
    storage, found = instance.event_log_storage, {}
    for check, asset in _CHECKED.items():
        key = dg.AssetCheckKey(dg.AssetKey(asset), check.value)
        records = storage.get_asset_check_execution_history(key, limit=100)
        events = [
            record.event.dagster_event
            for record in records
            if record.event and record.partition == f"{day}|{symbol}"
        ]
        mine = [
            event.asset_check_evaluation_data
            for event in events
            if event and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ]
        found[check] = mine[0].passed if mine else None
        # Else Dagster's pages show the partition as not judged since it was materialised.
        assert not mine or mine[0].target_materialization_data, check
    return found


def test_a_day_is_closed_and_each_of_its_partitions_judged(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    server.clock.set_time(_NEXT_MORNING)
    run_ingest(platform, *_SYMBOLS, last=TODAY + timedelta(days=1), tail=True)
    (request,) = closings(instance, platform)
    assert run(instance, platform, request, close_day_job.name).success
    for stage in KlinesStage:
        green = instance.get_materialized_partitions(dg.AssetKey(stage.value))
        assert green == {f"{TODAY}|{symbol}" for symbol in _SYMBOLS}
    for symbol in _SYMBOLS:
        assert verdicts(instance, TODAY, symbol) == dict.fromkeys(DayCheck, True)
        assert verdicts(instance, _YESTERDAY, symbol) == dict.fromkeys(DayCheck)


def test_a_retired_symbol_between_two_others_is_neither_closed_nor_judged(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    """A run's range of keys spans it, since Dagster keeps symbols in the order of their coming."""
    register_symbols(platform, ["SOLUSDT"])
    register_symbol_partitions(instance, ["SOLUSDT"])
    platform.warehouse.symbols.untrack_symbol("ETHUSDT")
    server.clock.set_time(_NEXT_MORNING)
    run_ingest(platform, "BTCUSDT", "SOLUSDT", last=TODAY + timedelta(days=1), tail=True)
    run_ingest(platform, "SOLUSDT", first=TODAY)
    (request,) = closings(instance, platform)
    assert request.tags["dagster/asset_partition_range_end"].endswith("|SOLUSDT")
    assert run(instance, platform, request, close_day_job.name).success
    for symbol, verdict in {"BTCUSDT": True, "ETHUSDT": None, "SOLUSDT": True}.items():
        assert verdicts(instance, TODAY, symbol) == dict.fromkeys(DayCheck, verdict)


def test_a_wrong_candle_fails_the_run_and_its_own_partition_alone(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    server.clock.set_time(_NEXT_MORNING)
    run_ingest(platform, *_SYMBOLS, last=TODAY + timedelta(days=1), tail=True)
    (request,) = closings(instance, platform)
    run(instance, platform, request, close_day_job.name)
    wrong = day_start_ms(TODAY) + 5 * HOUR_MS
    tamper(
        platform,
        "UPDATE fact_klines SET high = low - 1, volume = volume + 1"
        f" WHERE symbol_id = {{symbol}} AND open_time = {wrong}",
    )
    result = run(instance, platform, request, close_day_job.name)
    assert not result.success
    assert verdicts(instance, TODAY, "ETHUSDT") == dict.fromkeys(DayCheck, True)
    assert verdicts(instance, TODAY, "BTCUSDT") == {
        DayCheck.COMPLETE: True,
        DayCheck.SANE: False,
        DayCheck.LAKE: False,
        DayCheck.EXCHANGE: False,
    }
    (failure,) = result.get_step_failure_events()
    told = str(failure.step_failure_data.user_failure_data)
    assert f"{TODAY}|BTCUSDT" in told
    assert "ETHUSDT" not in told


def test_a_backfill_is_judged_where_it_is_one_of_the_checks_alone(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    """As Dagster's page of the checks launches it for many partitions."""
    server.clock.set_time(_NEXT_MORNING)
    run_ingest(platform, *_SYMBOLS, last=TODAY + timedelta(days=1), tail=True)
    tags = {"dagster/backfill": "abc", **range_tags(*2 * (f"{TODAY}|BTCUSDT",))}
    given: Any = {"instance": instance, "resources": {"platform": platform}, "tags": tags}
    assets = dg.AssetSelection.assets(*(stage.value for stage in KlinesStage))
    assert dg.materialize([klines_assets], selection=assets, **given).success
    assert verdicts(instance, TODAY, "BTCUSDT") == dict.fromkeys(DayCheck)
    checks = dg.AssetSelection.all_asset_checks()
    assert dg.materialize([klines_assets], selection=checks, **given).success
    assert verdicts(instance, TODAY, "BTCUSDT") == dict.fromkeys(DayCheck, True)


def test_an_open_gap_gets_a_run_and_not_another_before_its_time(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    server.faults.add_rule({"do": "spoil", "how": "hole", "path": "/api/v3/klines", "nth": 1})
    server.clock.advance(5 * MINUTE_MS)
    run_ingest(platform, tail=True)
    server.faults.clear_rules()
    (request,) = asked(gaps_sensor, instance, platform)
    assert run(instance, platform, request, repair_gaps_job.name).success
    assert platform.warehouse.gap_ledger.list_gaps() == []
    assert asked(gaps_sensor, instance, platform) == []


def test_a_symbol_that_left_the_list_is_quiet_and_green(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    """Ticks, order books, closings and retries of gaps."""
    stays, gone = _SYMBOLS
    server.faults.add_rule({"do": "list", "symbol": gone, "at": format_utc(NOON + 900 * DAY_MS)})
    server.clock.set_time(_NEXT_MORNING)
    defs = dg.Definitions(
        assets=[klines_assets, order_book_assets],
        jobs=[ingest_job, order_books_job, close_day_job],
        resources={"platform": platform},
    )

    def tick(schedule: dg.ScheduleDefinition, job: str) -> None:
        at = from_epoch_ms(server.clock.now_ms())
        with dg.build_schedule_context(
            instance, scheduled_execution_time=at, resources={"platform": platform}
        ) as context:
            (request,) = schedule.evaluate_tick(context).run_requests or ()
        result = defs.resolve_job_def(job).execute_in_process(
            instance=instance,
            tags=dict(request.tags),
            asset_selection=request.asset_selection,
            raise_on_error=False,
        )
        assert result.success

    for day in range(3):
        tick(ingest_schedule, ingest_job.name)
        tick(order_books_schedule, order_books_job.name)
        for request in closings(instance, platform):
            assert run(instance, platform, request, close_day_job.name).success
        assert asked(gaps_sensor, instance, platform) == []
        assert platform.warehouse.symbols.get_symbol(gone).status is SymbolStatus.DELISTED
        assert {one.gap_class for one in platform.warehouse.gap_ledger.list_gaps(gone)} == {
            "delisted"
        }
        if day == 0:
            server.faults.add_rule(
                {"do": "status", "status": 451, "symbol": gone, "path": "/api/*"}
            )
        server.clock.advance(HOUR_MS)
    assert verdicts(instance, TODAY, stays) == dict.fromkeys(DayCheck, True)


def test_objects_left_in_the_lake_are_found_and_loaded(
    instance: dg.DagsterInstance,
    platform: PipelineContext,
    server: ExchangeServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Put, but not recorded, and not loaded: as a kill leaves them."""
    server.clock.advance(5 * MINUTE_MS)
    closed = platform.closed_before()
    noon = day_start_ms(TODAY) + 12 * HOUR_MS
    store_window(platform, "BTCUSDT", Window(noon, closed), closed)
    assert asked(orphaned_objects_sensor, instance, platform) == [], "it is on its way"
    capture_order_book(platform, "ETHUSDT")
    later = now_ms() + 6 * MINUTE_MS
    monkeypatch.setattr("crypto_assets.pipeline.recovery.orphaned_objects.now_ms", lambda: later)
    requests = asked(orphaned_objects_sensor, instance, platform)
    assert [request.job_name for request in requests] == ["load_leftover_books", "load_leftovers"]
    for request in requests:
        assert run(instance, platform, request, str(request.job_name)).success
    newest = platform.warehouse.watermarks.get_watermark("BTCUSDT").last_open_time
    assert newest == noon + 4 * MINUTE_MS
    assert [platform.warehouse.lake_objects.list_orphaned(kind, 2**53) for kind in ObjectKind] == [
        [],
        [],
    ]


def test_an_object_that_is_gone_fails_no_run_and_is_not_looked_for_again(
    instance: dg.DagsterInstance,
    platform: PipelineContext,
    server: ExchangeServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The manifest names it, it was never loaded, and no lake holds it."""
    server.clock.advance(5 * MINUTE_MS)
    closed = platform.closed_before()
    noon = day_start_ms(TODAY) + 12 * HOUR_MS
    (stored,) = store_window(platform, "BTCUSDT", Window(noon, closed), closed)
    platform.warehouse.lake_objects.record_objects(stored.objects)
    platform.raw_lake.delete([item.key for item in stored.objects])
    later = now_ms() + 6 * MINUTE_MS
    monkeypatch.setattr("crypto_assets.pipeline.recovery.orphaned_objects.now_ms", lambda: later)
    (request,) = asked(orphaned_objects_sensor, instance, platform)
    assert run(instance, platform, request, str(request.job_name)).success
    assert asked(orphaned_objects_sensor, instance, platform) == []
    run_ingest(platform, tail=True)
    assert (
        platform.warehouse.watermarks.get_watermark("BTCUSDT").last_open_time
        == noon + 4 * MINUTE_MS
    )


@pytest.mark.parametrize("done", [0, 1])
def test_stale_hours_of_a_day_that_is_over_are_computed(
    instance: dg.DagsterInstance, platform: PipelineContext, done: int
) -> None:
    """A run that was cut short left its hours, or its daily candle; no tick looks so far back."""
    aggregates, yesterday = platform.warehouse.aggregates, Window.of_day(_YESTERDAY)

    def held() -> list[pa.Table]:
        return [
            aggregates.read_candles("BTCUSDT", i, yesterday) for i in (Interval.H1, Interval.D1)
        ]

    right = held()
    of_yesterday = f"WHERE symbol_id = {{symbol}} AND open_time < {yesterday.end_ms}"
    tamper(
        platform,
        "INSERT INTO stale_hours (symbol_id, open_time, hour_done) "
        f"SELECT symbol_id, open_time, {done} FROM hourly_klines {of_yesterday}",
    )
    for table in ("daily_klines",) if done else ("hourly_klines", "daily_klines"):
        tamper(platform, f"UPDATE {table} SET close = low {of_yesterday}")
    assert held() != right
    (request,) = asked(orphaned_objects_sensor, instance, platform)
    assert run(instance, platform, request, str(request.job_name)).success
    assert held() == right
    assert asked(orphaned_objects_sensor, instance, platform) == []


def test_a_day_with_an_unexplained_hole_is_not_complete(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    start = day_start_ms(TODAY) + 23 * HOUR_MS
    server.faults.add_rule(
        {"do": "outage", "start": format_utc(start), "end": format_utc(start + 5 * MINUTE_MS)}
    )
    server.clock.set_time(_NEXT_MORNING)
    run_ingest(platform, *_SYMBOLS, last=TODAY + timedelta(days=1), tail=True)
    (request,) = closings(instance, platform)
    assert run(instance, platform, request, close_day_job.name).success, "explained as an outage"
    tamper(platform, "UPDATE kline_gaps SET class = 'open' WHERE symbol_id = {symbol}")
    stands = platform.warehouse.retention_candidates.list_day_statuses(
        "BTCUSDT", Window.of_day(TODAY)
    )
    assert stands[0].incomplete_reason
