"""Objects that the manifest lacks are recorded whatever their day; rows without an object heal."""

from datetime import timedelta

import pytest

from crypto_assets.lake import build_klines_object
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.raw_klines import RawKlines
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTES_PER_DAY, Window, now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.ingest import ingest_symbols
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets.pipeline.recovery import orphaned_objects
from crypto_assets.pipeline.recovery.orphaned_objects import (
    adopt_orphaned_objects,
    find_orphaned_objects,
    find_uncomputed_days,
)
from crypto_assets.pipeline.retention.apply_retention import apply_retention
from crypto_assets.pipeline.stages.results import DayOutcome, KlinesStage
from crypto_assets.retention_policy import RetentionPolicy
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform, open_times, run_ingest
from crypto_assets_tests.services.exchange import NOON, StartExchange
from crypto_assets_tests.warehouse.stored_minutes import delete_minutes

FIRST, LAST = TODAY - timedelta(days=20), TODAY - timedelta(days=11)
DAYS = Window.of_days(FIRST, LAST)
COUNT = 10


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> PipelineContext:
    """Ten days, the newest of which ended ten days ago."""
    platform = build_platform(simulated_exchange(now=NOON))
    run_ingest(platform, first=FIRST, last=LAST)
    return platform


def list_objects(platform: PipelineContext) -> list[LakeObject]:
    return platform.warehouse.lake_objects.list_in_window("BTCUSDT", ObjectKind.KLINES, DAYS)


def restore_older_backup(platform: PipelineContext) -> None:
    """Make the warehouse that of before the load, which the lakes are not."""
    for table in (
        *("fact_klines", "hourly_klines", "daily_klines", "stale_hours", "lake_objects"),
        *("extraction_metadata", "kline_gaps"),
    ):
        platform.warehouse._database.run_write(
            lambda c, name=table: c.exec_driver_sql(f"DELETE FROM {name}")
        )


def heal(platform: PipelineContext) -> list[DayOutcome]:
    """Find and load orphaned objects, as the sensor and its job do; return the failures."""
    failed = []
    for days in find_orphaned_objects(platform, after_ms=-DAY_MS):
        windows = {days.symbol: Window.of_days(days.first, days.last)}
        for outcomes in ingest_symbols(platform, windows, set(KlinesStage) - {KlinesStage.RAW}):
            failed += [outcome for outcome in outcomes if outcome.error]
    return failed


def test_after_a_restore_old_objects_are_loaded_by_themselves(platform: PipelineContext) -> None:
    restore_older_backup(platform)
    assert heal(platform) == []
    assert len(open_times(platform)) == COUNT * MINUTES_PER_DAY
    assert all(item.loaded_at for item in list_objects(platform))
    assert verify_symbol(platform, "BTCUSDT", DAYS).differences == ()
    assert find_uncomputed_days(platform) == []
    assert find_orphaned_objects(platform, after_ms=-DAY_MS) == []


def test_objects_that_have_moved_since_the_backup_are_loaded(platform: PipelineContext) -> None:
    policy = RetentionPolicy(raw_days=7, archive_days=9999, minute_days=0)
    moving = PipelineContext(**{**vars(platform), "retention_policy": policy})
    assert apply_retention(moving, at_ms=now_ms() + 10 * DAY_MS).lake.moved.objects == COUNT
    restore_older_backup(platform)
    assert heal(platform) == []
    assert len(open_times(platform)) == COUNT * MINUTES_PER_DAY
    assert {item.bucket for item in list_objects(platform)} == {platform.archive_lake.bucket}


def test_a_call_lists_and_adopts_a_bounded_part(
    platform: PipelineContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore_older_backup(platform)
    monkeypatch.setattr(orphaned_objects, "_MAX_SCANNED", 4)
    monkeypatch.setattr(orphaned_objects, "_MAX_ADOPTED", 3)
    adopted = [adopt_orphaned_objects(platform, 2**53) for _ in range(5)]
    assert adopted == [3, 3, 3, 1, 0]
    assert len(list_objects(platform)) == COUNT
    assert sum(adopt_orphaned_objects(platform, 2**53) for _ in range(5)) == 0
    platform.warehouse.lake_objects.forget_objects([list_objects(platform)[0]])
    assert sum(adopt_orphaned_objects(platform, 2**53) for _ in range(5)) == 1, (
        "again from the start"
    )


def test_a_copy_of_a_killed_move_is_not_adopted_twice(platform: PipelineContext) -> None:
    (item, *_) = list_objects(platform)
    assert platform.raw_lake.copy_to(platform.archive_lake, item.key)
    assert adopt_orphaned_objects(platform, 2**53) == 0
    assert len(list_objects(platform)) == COUNT


def test_a_row_without_an_object_fails_nothing_for_ever(platform: PipelineContext) -> None:
    """A writer recorded an object that another run had compacted, and was killed."""
    window = Window(DAYS.start_ms, DAYS.start_ms + HOUR_MS)
    (rows,) = platform.exchange.rest.fetch_kline_pages("BTCUSDT", Interval.M1, window)
    klines = RawKlines.from_rows(rows)
    gone, _ = build_klines_object(platform.raw_lake.bucket, "BTCUSDT", klines, Source.REST, NOON)
    platform.warehouse.lake_objects.record_objects([gone])
    assert heal(platform) == []
    assert gone.key not in {item.key for item in list_objects(platform)}
    (record,) = platform.warehouse.quarantine.list_records("BTCUSDT")
    assert (record.key, "gone from the lake" in record.reason) == (gone.key, True)
    assert find_orphaned_objects(platform, after_ms=-DAY_MS) == []


def test_the_last_object_of_a_day_that_is_gone_is_fetched_again(
    platform: PipelineContext,
) -> None:
    day = Window.of_day(FIRST)
    (item,) = [one for one in list_objects(platform) if one.day == FIRST]
    platform.raw_lake.delete([item.key])
    delete_minutes(platform.warehouse, "BTCUSDT", day)
    platform.warehouse.lake_objects.mark_unloaded("BTCUSDT", ObjectKind.KLINES, day)
    heal(platform)
    assert find_orphaned_objects(platform, after_ms=-DAY_MS) == []
    (gap,) = platform.warehouse.gap_ledger.list_gaps("BTCUSDT")
    assert gap.window == day
    run_ingest(platform, first=FIRST, last=FIRST)
    assert len(open_times(platform)) == COUNT * MINUTES_PER_DAY
    assert verify_symbol(platform, "BTCUSDT", DAYS).differences == ()


def test_stale_hours_of_an_interrupted_run_are_computed(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """The run was interrupted between the load and the aggregation."""
    platform = build_platform(simulated_exchange(now=NOON))
    windows = {"BTCUSDT": DAYS}
    list(ingest_symbols(platform, windows, {KlinesStage.RAW, KlinesStage.FACTS}))
    assert find_orphaned_objects(platform, after_ms=-DAY_MS) == []
    (days,) = find_uncomputed_days(platform)
    assert (days.symbol, days.first, days.last, days.count) == ("BTCUSDT", FIRST, LAST, COUNT)
    list(ingest_symbols(platform, windows, set(KlinesStage) - {KlinesStage.RAW}))
    assert find_uncomputed_days(platform) == []
    assert verify_symbol(platform, "BTCUSDT", DAYS).differences == ()
