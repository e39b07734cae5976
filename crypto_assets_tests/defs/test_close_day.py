"""Closing days and evaluating their checks, repairing gaps, and loading orphaned objects."""

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
from crypto_assets.defs.partitions import register_symbol_partitions
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
from crypto_assets_tests.defs.partition_ranges import build_range_tags
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform, build_platform, run_ingest
from crypto_assets_tests.pipeline.tampering import tamper
from crypto_assets_tests.services.dagster_home import new_instance
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
    """A context with yesterday from the archive and half of today."""
    built: PipelineContext = build_platform(server, *_SYMBOLS)
    run_ingest(built, *_SYMBOLS, first=_YESTERDAY)
    return built


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with new_instance(tmp_path) as instance:
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
        run_config=request.run_config,
        asset_selection=request.asset_selection,
        raise_on_error=False,
    )


def request_runs(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance, platform: PipelineContext
) -> list[dg.RunRequest]:
    with dg.build_sensor_context(instance, resources={"platform": platform}) as context:
        # As the daemon does, which rejects a tick with both requests and a skip reason.
        return list(sensor.evaluate_tick(context).run_requests or ())


def closings(instance: dg.DagsterInstance, platform: PipelineContext) -> list[dg.RunRequest]:
    morning = datetime(2025, 3, 7, 7, tzinfo=UTC)
    with dg.build_schedule_context(
        instance, scheduled_execution_time=morning, resources={"platform": platform}
    ) as context:
        return list(close_day_schedule.evaluate_tick(context).run_requests or ())


def check_results(
    instance: dg.DagsterInstance, day: date, symbol: str
) -> dict[DayCheck, bool | None]:
    """The last result of each check of a partition; None without one."""
    storage, found = instance.event_log_storage, {}
    for check, asset in _CHECKED.items():
        key = dg.AssetCheckKey(dg.AssetKey(asset), check.value)
        records = storage.get_asset_check_execution_history(key, limit=100)
        # It would be shown as the newest result, "Skipped", of every partition.
        assert all(record.partition for record in records), f"{check} is planned without one"
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
        # Without it, Dagster's UI shows the check as older than the materialization.
        assert not mine or mine[0].target_materialization_data, check
    return found


def test_a_day_is_closed_and_each_of_its_partitions_checked(
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
        assert check_results(instance, TODAY, symbol) == dict.fromkeys(DayCheck, True)
        assert check_results(instance, _YESTERDAY, symbol) == dict.fromkeys(DayCheck)


def test_an_untracked_symbol_between_two_others_is_neither_closed_nor_checked(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    """Dagster orders symbols by insertion."""
    register_symbols(platform, ["SOLUSDT"])
    register_symbol_partitions(instance, ["SOLUSDT"])
    platform.warehouse.symbols.untrack_symbol("ETHUSDT")
    server.clock.set_time(_NEXT_MORNING)
    run_ingest(platform, "BTCUSDT", "SOLUSDT", last=TODAY + timedelta(days=1), tail=True)
    run_ingest(platform, "SOLUSDT", first=TODAY)
    (request,) = closings(instance, platform)
    assert request.tags["crypto/symbols"] == "BTCUSDT, SOLUSDT"
    assert run(instance, platform, request, close_day_job.name).success
    for symbol, passed in {"BTCUSDT": True, "ETHUSDT": None, "SOLUSDT": True}.items():
        assert check_results(instance, TODAY, symbol) == dict.fromkeys(DayCheck, passed)


def test_a_wrong_candle_fails_the_run_and_only_its_own_partition(
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
    assert check_results(instance, TODAY, "ETHUSDT") == dict.fromkeys(DayCheck, True)
    assert check_results(instance, TODAY, "BTCUSDT") == {
        DayCheck.COMPLETE: True,
        DayCheck.SANE: False,
        DayCheck.LAKE: False,
        DayCheck.EXCHANGE: False,
    }
    (failure,) = result.get_step_failure_events()
    message = str(failure.step_failure_data.user_failure_data)
    assert f"{TODAY}|BTCUSDT" in message
    assert "ETHUSDT" not in message


def test_a_backfill_evaluates_checks_only_if_it_has_no_assets(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    """As Dagster's UI launches the checks of many partitions."""
    server.clock.set_time(_NEXT_MORNING)
    run_ingest(platform, *_SYMBOLS, last=TODAY + timedelta(days=1), tail=True)
    tags = {"dagster/backfill": "abc", **build_range_tags(*2 * (f"{TODAY}|BTCUSDT",))}
    given: Any = {"instance": instance, "resources": {"platform": platform}, "tags": tags}
    assets = dg.AssetSelection.assets(*(stage.value for stage in KlinesStage))
    assert dg.materialize([klines_assets], selection=assets, **given).success
    assert check_results(instance, TODAY, "BTCUSDT") == dict.fromkeys(DayCheck)
    checks = dg.AssetSelection.all_asset_checks()
    assert dg.materialize([klines_assets], selection=checks, **given).success
    assert check_results(instance, TODAY, "BTCUSDT") == dict.fromkeys(DayCheck, True)


def test_an_open_gap_gets_one_run_until_its_next_attempt_is_due(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    server.faults.add_rule({"do": "spoil", "how": "hole", "path": "/api/v3/klines", "nth": 1})
    server.clock.advance(5 * MINUTE_MS)
    run_ingest(platform, tail=True)
    server.faults.clear_rules()
    (request,) = request_runs(gaps_sensor, instance, platform)
    assert run(instance, platform, request, repair_gaps_job.name).success
    assert platform.warehouse.gap_ledger.list_gaps() == []
    assert request_runs(gaps_sensor, instance, platform) == []


def test_runs_over_a_delisted_symbol_succeed(
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
        requested = defs.resolve_job_def(job)
        if request.asset_selection:
            requested = requested.get_subset(
                asset_selection=frozenset(request.asset_selection),
                asset_check_selection=frozenset(request.asset_check_keys or ()),
            )
        result = requested.execute_in_process(
            instance=instance,
            tags=dict(request.tags),
            run_config=request.run_config,
            raise_on_error=False,
        )
        assert result.success

    for day in range(3):
        tick(ingest_schedule, ingest_job.name)
        tick(order_books_schedule, order_books_job.name)
        for request in closings(instance, platform):
            assert run(instance, platform, request, close_day_job.name).success
        assert request_runs(gaps_sensor, instance, platform) == []
        assert platform.warehouse.symbols.get_symbol(gone).status is SymbolStatus.DELISTED
        assert {one.gap_class for one in platform.warehouse.gap_ledger.list_gaps(gone)} == {
            "delisted"
        }
        if day == 0:
            server.faults.add_rule(
                {"do": "status", "status": 451, "symbol": gone, "path": "/api/*"}
            )
        server.clock.advance(HOUR_MS)
    assert check_results(instance, TODAY, stays) == dict.fromkeys(DayCheck, True)


def test_orphaned_objects_are_found_and_loaded(
    instance: dg.DagsterInstance,
    platform: PipelineContext,
    server: ExchangeServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They were stored, but neither recorded nor loaded, as after a kill."""
    server.clock.advance(5 * MINUTE_MS)
    closed = platform.closed_before()
    noon = day_start_ms(TODAY) + 12 * HOUR_MS
    store_window(platform, "BTCUSDT", Window(noon, closed), closed)
    assert request_runs(orphaned_objects_sensor, instance, platform) == [], "it may still be loaded"
    capture_order_book(platform, "ETHUSDT")
    later = now_ms() + 6 * MINUTE_MS
    monkeypatch.setattr("crypto_assets.pipeline.recovery.orphaned_objects.now_ms", lambda: later)
    requests = request_runs(orphaned_objects_sensor, instance, platform)
    assert [request.job_name for request in requests] == ["load_leftover_books", "load_leftovers"]
    for request in requests:
        assert run(instance, platform, request, str(request.job_name)).success
    newest = platform.warehouse.watermarks.get_watermark("BTCUSDT").last_open_time
    assert newest == noon + 4 * MINUTE_MS
    assert [platform.warehouse.lake_objects.list_orphaned(kind, 2**53) for kind in ObjectKind] == [
        [],
        [],
    ]


def test_a_missing_object_fails_no_run_and_is_not_requested_again(
    instance: dg.DagsterInstance,
    platform: PipelineContext,
    server: ExchangeServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The manifest contains the object, which was never loaded and is in no lake."""
    server.clock.advance(5 * MINUTE_MS)
    closed = platform.closed_before()
    noon = day_start_ms(TODAY) + 12 * HOUR_MS
    (stored,) = store_window(platform, "BTCUSDT", Window(noon, closed), closed)
    platform.warehouse.lake_objects.record_objects(stored.objects)
    platform.raw_lake.delete([item.key for item in stored.objects])
    later = now_ms() + 6 * MINUTE_MS
    monkeypatch.setattr("crypto_assets.pipeline.recovery.orphaned_objects.now_ms", lambda: later)
    (request,) = request_runs(orphaned_objects_sensor, instance, platform)
    assert run(instance, platform, request, str(request.job_name)).success
    assert request_runs(orphaned_objects_sensor, instance, platform) == []
    run_ingest(platform, tail=True)
    assert (
        platform.warehouse.watermarks.get_watermark("BTCUSDT").last_open_time
        == noon + 4 * MINUTE_MS
    )


@pytest.mark.parametrize("done", [0, 1])
def test_stale_hours_of_an_ended_day_are_computed(
    instance: dg.DagsterInstance, platform: PipelineContext, done: int
) -> None:
    """An interrupted run left stale hours or a stale day, which no tick processes."""
    aggregates, yesterday = platform.warehouse.aggregates, Window.of_day(_YESTERDAY)

    def read_periods() -> list[pa.Table]:
        return [
            aggregates.read_candles("BTCUSDT", i, yesterday) for i in (Interval.H1, Interval.D1)
        ]

    right = read_periods()
    of_yesterday = f"WHERE symbol_id = {{symbol}} AND open_time < {yesterday.end_ms}"
    tamper(
        platform,
        "INSERT INTO stale_hours (symbol_id, open_time, hour_done) "
        f"SELECT symbol_id, open_time, {done} FROM hourly_klines {of_yesterday}",
    )
    for table in ("daily_klines",) if done else ("hourly_klines", "daily_klines"):
        tamper(platform, f"UPDATE {table} SET close = low {of_yesterday}")
    assert read_periods() != right
    (request,) = request_runs(orphaned_objects_sensor, instance, platform)
    assert run(instance, platform, request, str(request.job_name)).success
    assert read_periods() == right
    assert request_runs(orphaned_objects_sensor, instance, platform) == []


def test_a_day_with_an_unexplained_gap_is_not_complete(
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
    statuses = platform.warehouse.retention_candidates.list_day_statuses(
        "BTCUSDT", Window.of_day(TODAY)
    )
    assert statuses[0].incomplete_reason
