"""Runs with monthly partitions; test_months.py runs these tests in that mode.

A tick, a closing and a retry of a gap process single days. The metadata in Dagster must describe
the whole month.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import dagster as dg
import pytest

from crypto_assets.defs.partitions import DEFAULT_PARTITIONS, register_symbol_partitions
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import record_gaps
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.stages.results import KlinesStage, OrderBookStage
from crypto_assets_tests.defs.test_runs import green, run, run_order_books
from crypto_assets_tests.pipeline.conftest import TODAY_MS, BuildPlatform, open_times
from crypto_assets_tests.services.dagster_home import new_instance
from crypto_assets_tests.services.exchange import ExchangeServer
from crypto_assets_tests.warehouse.stored_minutes import delete_minutes

KEY = "2025-03-01|BTCUSDT"
MARCH = Window.of_days(date(2025, 3, 1), date(2025, 3, 31))
BEGUN_MS = MARCH.start_ms
# The clock shows noon of the 6th.
UNTIL_NOON = 5 * 1440 + 720


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with new_instance(tmp_path) as instance:
        register_symbol_partitions(instance, ["BTCUSDT"])
        yield instance


@pytest.fixture
def platform(
    server: ExchangeServer, build_platform: BuildPlatform, instance: dg.DagsterInstance
) -> PipelineContext:
    """The part of March that has closed."""
    built: PipelineContext = build_platform(server)
    assert run(instance, built, KEY, KEY).success
    return built


def read_metadata(
    instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult
) -> dict[str, dict[str, Any]]:
    """The metadata of the month by asset; each asset is materialized once at most."""
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    records = instance.get_records_for_run(result.run_id, of_type=kind).records
    events = [record.event_log_entry.asset_materialization for record in records]
    found = {
        event.asset_key.to_user_string(): {
            name: value.value for name, value in event.metadata.items()
        }
        for event in events
        if event and event.partition == KEY
    }
    assert len(found) == len(events)
    return found


def rows(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> dict[str, int]:
    seen = read_metadata(instance, result)
    return {name: figures["dagster/partition_row_count"] for name, figures in seen.items()}


def test_a_backfill_materializes_the_whole_month(
    instance: dg.DagsterInstance, platform: PipelineContext
) -> None:
    assert (
        DEFAULT_PARTITIONS.partition_window(
            dg.MultiPartitionKey({"date": "2025-03-01", "symbol": "BTCUSDT"})
        )
        == MARCH
    )
    result = run(instance, platform, KEY, KEY)
    assert rows(instance, result) == {
        KlinesStage.RAW: UNTIL_NOON,
        KlinesStage.FACTS: UNTIL_NOON,
        KlinesStage.HOURS: 5 * 24 + 12,
        KlinesStage.DAYS: 5,
    }
    assert [
        read_metadata(instance, result)[stage]["span_minutes"]
        for stage in (KlinesStage.FACTS, KlinesStage.DAYS)
    ] == [
        UNTIL_NOON,
        5 * 1440,
    ]


def test_metadata_of_ticks_and_closings_describes_the_month(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    server.clock.advance(2 * MINUTE_MS)
    seen = read_metadata(
        instance,
        run(
            instance,
            platform,
            KEY,
            KEY,
            KlinesStage.RAW,
            KlinesStage.FACTS,
            ingest_mode=IngestMode.TAIL,
        ),
    )
    facts, raw = seen[KlinesStage.FACTS], seen[KlinesStage.RAW]
    assert facts["dagster/partition_row_count"] == UNTIL_NOON + 2
    assert (facts["loaded"], facts["missing"]) == (2, 0)
    assert facts["first_candle"] * 1000 == BEGUN_MS
    assert facts["last_candle"] * 1000 == TODAY_MS + 12 * HOUR_MS + MINUTE_MS
    assert (raw["stored_objects"], raw["span_minutes"]) == (1, UNTIL_NOON + 2)
    for link in (facts["chart"], raw["chart"]):
        view = parse_qs(urlsplit(link).query)["view"]
        assert view == [f"{MARCH.start_ms // 1000}-{MARCH.end_ms // 1000}"]

    server.clock.set_time(TODAY_MS + DAY_MS + 7 * HOUR_MS + MINUTE_MS // 2)
    run(instance, platform, KEY, KEY, ingest_mode=IngestMode.TAIL)
    result = run(instance, platform, KEY, KEY, ingest_mode=IngestMode.CLOSING)
    minutes = 6 * 1440 + 7 * 60
    assert rows(instance, result) == {
        KlinesStage.RAW: minutes,
        KlinesStage.FACTS: minutes,
        KlinesStage.HOURS: 6 * 24 + 7,
        KlinesStage.DAYS: 6,
    }
    assert read_metadata(instance, result)[KlinesStage.RAW]["stored_objects"] == 1, (
        "only yesterday's archive"
    )


def test_gaps_of_two_days_in_a_month_succeed_or_fail_together(
    instance: dg.DagsterInstance, platform: PipelineContext, server: ExchangeServer
) -> None:
    for start in (TODAY_MS - 2 * DAY_MS, TODAY_MS):
        delete_minutes(platform.warehouse, "BTCUSDT", Window(start, start + HOUR_MS))
    record_gaps(platform, "BTCUSDT", MARCH, platform.closed_before())
    server.faults.add_rule({"do": "status", "status": 451, "path": "/api/v3/klines", "nth": 1})
    refused = run(instance, platform, KEY, KEY, ingest_mode=IngestMode.GAPS)
    assert not refused.success
    assert read_metadata(instance, refused) == {}
    assert len(open_times(platform)) == UNTIL_NOON - 60

    server.clock.advance(20 * MINUTE_MS)
    result = run(instance, platform, KEY, KEY, ingest_mode=IngestMode.GAPS)
    assert result.success
    assert rows(instance, result)[KlinesStage.FACTS] == UNTIL_NOON == len(open_times(platform))
    assert read_metadata(instance, result)[KlinesStage.FACTS]["missing"] == 20, (
        "since the newest tick"
    )


def test_a_month_with_a_failed_day_is_not_materialized(
    instance: dg.DagsterInstance, server: ExchangeServer, build_platform: BuildPlatform
) -> None:
    """The gap retry gets the day, but the failed month must not count as materialized."""
    server.faults.add_rule({"do": "archive", "how": "missing", "day": "2025-03-03"})
    server.faults.add_rule({"do": "status", "status": 451, "path": "/api/v3/klines", "nth": 1})
    result = run(instance, build_platform(server), KEY, KEY)
    assert not result.success
    for stage in KlinesStage:
        assert green(instance, stage) == set()


def test_order_books_of_the_current_and_of_an_empty_month(
    instance: dg.DagsterInstance, server: ExchangeServer, build_platform: BuildPlatform
) -> None:
    platform = build_platform(server)
    books = [stage.value for stage in OrderBookStage]
    month = run_order_books(instance, platform, ["2025-03-01"], ["BTCUSDT"])
    assert rows(instance, month) == dict.fromkeys(books, 1)
    both = run_order_books(instance, platform, ["2025-02-01", "2025-03-01"], ["BTCUSDT"])
    assert not both.success
    assert rows(instance, both) == dict.fromkeys(books, 1), (
        "a failure in February does not affect March"
    )
