"""Symbols become partitions; symbols that are new or far behind are backfilled."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest

from crypto_assets.defs.assets.klines import MAX_KEYS_PER_RUN, klines_assets
from crypto_assets.defs.backfill import backfill_job
from crypto_assets.defs.gap_repair import gaps_sensor
from crypto_assets.defs.run_partitions import PartitionRectangle
from crypto_assets.defs.symbol_partitions import catch_up_sensor, symbols_sensor
from crypto_assets.market.utc_time import DAY_MS, Window
from crypto_assets.orchestrator.partition_keys import SYMBOL_PARTITIONS_NAME
from crypto_assets.orchestrator.run_queue import (
    AUTOMATIC_BACKFILL_TAGS,
    BACKFILL_TAGS,
    PRIORITY_TAG,
    RUN_CLASS_TAG,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.bootstrap import register_symbols
from crypto_assets.pipeline.ingestion.ingest import ingest_symbols
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets_tests.pipeline.conftest import START, TODAY, BuildPlatform
from crypto_assets_tests.services.exchange import NOON, StartExchange

_TWENTY = (
    *("ADAUSDT", "ATOMUSDT", "AVAXUSDT", "BCHUSDT", "BNBUSDT", "BTCUSDT", "DOGEUSDT"),
    *("DOTUSDT", "ETCUSDT", "ETHUSDT", "LINKUSDT", "LTCUSDT", "NEARUSDT", "PEPEUSDT"),
    *("SHIBUSDT", "SOLUSDT", "TRXUSDT", "UNIUSDT", "XLMUSDT", "XRPUSDT"),
)


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> PipelineContext:
    platform: PipelineContext = build_platform(simulated_exchange(now=NOON), "BTCUSDT", "ETHUSDT")
    return platform


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def look(instance: dg.DagsterInstance, platform: PipelineContext, cursor: str | None) -> Any:
    """Evaluate the sensor and add its partitions, as the daemon does."""
    with dg.build_sensor_context(instance, cursor, resources={"platform": platform}) as context:
        result = symbols_sensor.evaluate_tick(context)
    for request in result.dynamic_partitions_requests or ():
        if isinstance(request, dg.AddDynamicPartitionsRequest):
            instance.add_dynamic_partitions(SYMBOL_PARTITIONS_NAME, list(request.partition_keys))
        else:
            for key in request.partition_keys:
                instance.delete_dynamic_partition(SYMBOL_PARTITIONS_NAME, key)
    return result


def test_the_first_symbols_become_partitions_without_a_backfill(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    first = look(instance, platform, None)
    assert instance.get_dynamic_partitions(SYMBOL_PARTITIONS_NAME) == ["BTCUSDT", "ETHUSDT"]
    assert not first.run_requests
    again = look(instance, platform, first.cursor)
    assert not again.run_requests
    assert not again.dynamic_partitions_requests


def test_a_symbol_added_later_is_backfilled_once(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    cursor = look(instance, platform, None).cursor
    register_symbols(platform, ["SOLUSDT"])
    # As `init` does. The symbol is new although its partition exists.
    instance.add_dynamic_partitions(SYMBOL_PARTITIONS_NAME, ["SOLUSDT"])
    result = look(instance, platform, cursor)
    assert result.run_requests
    tags = [request.tags for request in result.run_requests]
    assert keys_of(result.run_requests[0])[0] == f"{START}|SOLUSDT"
    assert keys_of(result.run_requests[-1])[-1] == f"{TODAY}|SOLUSDT"
    assert all(tags[0][key] == value for key, value in AUTOMATIC_BACKFILL_TAGS.items())
    assert not look(instance, platform, result.cursor).run_requests


def test_runs_of_a_long_history_have_a_limited_size(
    instance: dg.DagsterInstance,
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
) -> None:
    exchange = simulated_exchange(now=NOON + 600 * 86_400_000)
    platform = build_platform(exchange)
    cursor = look(instance, platform, None).cursor
    register_symbols(platform, ["SOLUSDT", "ETHUSDT"])
    requests = look(instance, platform, cursor).run_requests or []
    assert len({request.run_key for request in requests}) == len(requests)
    keys = [len(keys_of(request)) for request in requests]
    assert max(keys) <= MAX_KEYS_PER_RUN
    assert sum(keys) == 2 * 665, "days from START_DATE to that day, of each symbol"


def test_twenty_symbols_are_added_in_steps_and_each_day_once(
    instance: dg.DagsterInstance,
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
) -> None:
    """Dagster creates the runs of an evaluation before it evaluates the next sensor."""
    platform = build_platform(simulated_exchange(now=NOON + 600 * DAY_MS), "ETHBTC")
    cursor = look(instance, platform, None).cursor
    names = register_symbols(platform, _TWENTY)
    assert len(names) == 20
    steps: list[Any] = []
    while (result := look(instance, platform, cursor)).run_requests:
        cursor, steps = result.cursor, [*steps, result.run_requests]
    assert len(steps) == 10
    assert {len(requests) for requests in steps} == {4}
    keys = [key for requests in steps for request in requests for key in keys_of(request)]
    assert len(keys) == len(set(keys)) == 20 * 665
    assert set(names) <= set(instance.get_dynamic_partitions(SYMBOL_PARTITIONS_NAME))


def test_an_automatic_backfill_is_created_without_an_event_for_each_partition(
    instance: dg.DagsterInstance,
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
) -> None:
    """Each asset and partition of a run with partition tags costs an event, which takes minutes."""
    platform = build_platform(simulated_exchange(now=NOON + 600 * DAY_MS))
    cursor = look(instance, platform, None).cursor
    register_symbols(platform, ["SOLUSDT"])
    request = (look(instance, platform, cursor).run_requests or [])[0]
    assert len(keys_of(request)) == MAX_KEYS_PER_RUN
    job = dg.Definitions(
        assets=[klines_assets], jobs=[backfill_job], resources={"platform": platform}
    ).resolve_job_def(backfill_job.name)
    run = instance.create_run_for_job(job, tags=request.tags, run_config=request.run_config)
    assert len(instance.get_records_for_run(run.run_id).records) == len(KlinesStage)
    assert run.tags["crypto/days"] == "2025-01-01 to 2026-02-04"


def test_a_partition_that_a_user_adds_in_dagsters_dialog_is_deleted_again(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    """It is no tracked symbol: a later run of all symbols would fail for it."""
    cursor = look(instance, platform, None).cursor
    platform.warehouse.symbols.untrack_symbol("ETHUSDT")
    instance.add_dynamic_partitions(SYMBOL_PARTITIONS_NAME, ["btcusdt", "NOSUCH"])
    tags = {"dagster/partition/symbol": "NOSUCH"}
    run = instance.create_run_for_job(backfill, tags=tags, status=dg.DagsterRunStatus.STARTED)
    result = look(instance, platform, cursor)
    assert result.skip_message.startswith("deleted the partitions of btcusdt: a partition adds no")
    remaining = ["BTCUSDT", "ETHUSDT", "NOSUCH"]
    assert instance.get_dynamic_partitions(SYMBOL_PARTITIONS_NAME) == remaining, "its run is active"
    instance.report_run_failed(run)
    look(instance, platform, cursor)
    assert instance.get_dynamic_partitions(SYMBOL_PARTITIONS_NAME) == ["BTCUSDT", "ETHUSDT"]
    assert look(instance, platform, cursor).skip_message == (
        "nothing to do: all 1 tracked symbols have partitions"
    )


def test_a_symbol_of_another_warehouse_is_new_when_it_is_added(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    """The cursor remembers an untracked symbol, but none that the warehouse does not have."""
    platform.warehouse.symbols.untrack_symbol("ETHUSDT")
    cursor = look(instance, platform, '["BTCUSDT", "ETHUSDT", "SOLUSDT"]').cursor
    assert json.loads(cursor) == ["BTCUSDT", "ETHUSDT"]
    register_symbols(platform, ["ETHUSDT", "SOLUSDT"])
    requests = look(instance, platform, cursor).run_requests or []
    assert {key.partition("|")[2] for one in requests for key in keys_of(one)} == {"SOLUSDT"}


def test_a_warehouse_without_symbols_sets_no_cursor(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    for name in ("BTCUSDT", "ETHUSDT"):
        platform.warehouse.symbols.untrack_symbol(name)
    with dg.build_sensor_context(instance, resources={"platform": platform}) as context:
        result = symbols_sensor.evaluate_tick(context)
    assert (result.cursor, result.skip_message) == (None, "no symbol is tracked yet")


def test_a_users_backfill_has_priority_over_an_automatic_one() -> None:
    assert AUTOMATIC_BACKFILL_TAGS[RUN_CLASS_TAG] == BACKFILL_TAGS[RUN_CLASS_TAG]
    assert int(AUTOMATIC_BACKFILL_TAGS[PRIORITY_TAG]) < int(BACKFILL_TAGS[PRIORITY_TAG])


def test_a_symbol_that_is_far_behind_gets_one_backfill_at_a_time(
    instance: dg.DagsterInstance,
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
) -> None:
    platform = build_platform(simulated_exchange(now=NOON + 600 * DAY_MS), "BTCUSDT", "ETHUSDT")
    look(instance, platform, None)
    store_day(platform, "BTCUSDT", date(2025, 3, 6))
    first, second = caught_up(instance, platform)
    assert keys_of(first)[0] == "2025-03-06|BTCUSDT"
    assert keys_of(second)[-1] == "2026-10-27|BTCUSDT"

    run = instance.create_run_for_job(
        backfill, tags=second.tags, status=dg.DagsterRunStatus.STARTED
    )
    store_day(platform, "BTCUSDT", date(2026, 6, 1))
    assert caught_up(instance, platform) == [], "its backfill is active"
    instance.report_run_failed(run)
    again = caught_up(instance, platform)
    assert keys_of(again[0])[0] == "2026-06-01|BTCUSDT", "from where it came to"
    assert not {one.run_key for one in again} & {first.run_key, second.run_key}


def test_backfills_that_have_failed_today_do_not_keep_others_waiting(
    instance: dg.DagsterInstance,
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
) -> None:
    platform = build_platform(simulated_exchange(now=NOON), *_TWENTY[:6])
    look(instance, platform, None)
    for symbol in _TWENTY[:6]:
        store_day(platform, symbol, START)
    first = caught_up(instance, platform)
    assert len(first) == 4
    for request in first:
        tags = {**request.tags, "dagster/run_key": str(request.run_key)}
        run = instance.create_run_for_job(backfill, tags=tags, status=dg.DagsterRunStatus.STARTED)
        instance.report_run_failed(run)
    others = caught_up(instance, platform)
    assert [keys_of(one)[0].partition("|")[2] for one in others] == list(_TWENTY[4:6])


def test_long_gaps_are_backfilled_and_short_ones_left_to_gap_repair(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    look(instance, platform, None)
    store_day(platform, "BTCUSDT", TODAY - timedelta(days=8))
    store_day(platform, "BTCUSDT", TODAY - timedelta(days=1))
    store_day(platform, "ETHUSDT", TODAY - timedelta(days=3))
    store_day(platform, "ETHUSDT", TODAY - timedelta(days=1))
    (request,) = caught_up(instance, platform)
    assert keys_of(request)[0] == f"{TODAY - timedelta(days=7)}|BTCUSDT"
    assert keys_of(request)[-1] == f"{TODAY - timedelta(days=2)}|BTCUSDT"
    with dg.build_sensor_context(instance, resources={"platform": platform}) as context:
        (mending,) = gaps_sensor.evaluate_tick(context).run_requests or ()
    assert mending.run_config == {
        "ops": {
            "bring_klines": {
                "config": {"dates": [str(TODAY - timedelta(days=2))], "symbols": ["ETHUSDT"]}
            }
        }
    }


def test_data_older_than_the_first_partition_is_backfilled_from_there(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    look(instance, platform, None)
    store_day(platform, "ETHUSDT", START - timedelta(days=2))
    (request,) = caught_up(instance, platform)
    assert keys_of(request)[0] == f"{START}|ETHUSDT"


def test_older_days_wait_for_other_backfills_and_come_in_parts(
    instance: dg.DagsterInstance,
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
) -> None:
    """A hole of more than a year, which a load of older days has left."""
    today = TODAY + timedelta(days=600)
    platform = build_platform(simulated_exchange(now=NOON + 600 * DAY_MS), "BTCUSDT", "ETHUSDT")
    look(instance, platform, None)
    store_day(platform, "BTCUSDT", today - timedelta(days=1))
    store_day(platform, "BTCUSDT", TODAY)
    (request,) = caught_up(instance, platform)
    assert keys_of(request)[0] == f"{TODAY + timedelta(days=1)}|BTCUSDT"
    assert len(keys_of(request)) == MAX_KEYS_PER_RUN
    of_another = {**BACKFILL_TAGS, "crypto/symbols": "ETHUSDT"}
    run = instance.create_run_for_job(backfill, tags=of_another, status=dg.DagsterRunStatus.STARTED)
    assert caught_up(instance, platform) == []
    instance.report_run_failed(run)
    assert [one.run_key for one in caught_up(instance, platform)] == [request.run_key]


def keys_of(request: dg.RunRequest) -> list[str]:
    config = request.run_config["ops"]["bring_klines"]["config"]
    return PartitionRectangle(config["dates"], config["symbols"]).partition_keys


@dg.op
def nothing() -> None: ...


@dg.job
def backfill() -> None:
    nothing()


def store_day(platform: PipelineContext, symbol: str, day: date) -> None:
    """Store the candles of a day."""
    for _ in ingest_symbols(platform, {symbol: Window.of_day(day)}, list(KlinesStage)):
        pass


def caught_up(instance: dg.DagsterInstance, platform: PipelineContext) -> list[dg.RunRequest]:
    with dg.build_sensor_context(instance, resources={"platform": platform}) as context:
        return list(catch_up_sensor.evaluate_tick(context).run_requests or ())
