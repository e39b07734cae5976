"""Loads continue when another run moves, loads or deletes an object during the read."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from crypto_assets.lake import ObjectInfo, build_klines_object
from crypto_assets.lake.directory_lake import DirectoryLake
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.raw_klines import RawKlines
from crypto_assets.market.utc_time import MINUTE_MS, Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.recovery.orphaned_objects import adopt_orphaned_objects
from crypto_assets.pipeline.stages.load_facts import load_klines
from crypto_assets.pipeline.stages.order_books import capture_order_book, load_order_books
from crypto_assets_tests.pipeline.aging import move_object
from crypto_assets_tests.pipeline.conftest import (
    TODAY,
    TODAY_MS,
    BuildPlatform,
    open_times,
    run_ingest,
)
from crypto_assets_tests.services.exchange import NOON, StartExchange

SYMBOL = "BTCUSDT"
DAY = Window.of_day(TODAY)


class DisturbedDirectory(DirectoryLake):
    """A directory that calls `meanwhile` right before the first read of an object."""

    meanwhile: Callable[[], None] | None = None

    def get_with_info(self, key: str) -> tuple[ObjectInfo, bytes]:
        if self.meanwhile:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return super().get_with_info(key)

    def get(self, key: str) -> bytes:
        return self.get_with_info(key)[1]


@pytest.fixture
def platform(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> tuple[PipelineContext, DisturbedDirectory]:
    built = build_platform(simulated_exchange(now=NOON))
    lake = DisturbedDirectory(Path(built.raw_lake.url))
    return replace(built, raw_lake=lake), lake


def put(platform: PipelineContext, start: int, count: int) -> LakeObject:
    """Put some minutes as an object, recorded and not loaded."""
    window = Window(start, start + count * MINUTE_MS)
    rows = [
        row
        for page in platform.exchange.rest.fetch_kline_pages(SYMBOL, Interval.M1, window)
        for row in page
    ]
    item, body = build_klines_object(
        platform.raw_lake.bucket,
        SYMBOL,
        RawKlines.from_rows(rows),
        Source.REST,
        platform.exchange_now(),
    )
    platform.raw_lake.put(
        item.key, body, fetched_at=item.fetched_at, source=item.source, rows=count
    )
    platform.warehouse.lake_objects.record_objects([item])
    return item


def mark_loaded_and_delete(platform: PipelineContext, item: LakeObject) -> None:
    """Mark an object as loaded and delete it, as a run does that compacts its day."""
    platform.warehouse.lake_objects.mark_loaded([item])
    platform.raw_lake.delete([item.key])


def test_an_object_that_another_run_moves_is_read_from_the_archive_lake(
    platform: tuple[PipelineContext, DisturbedDirectory],
) -> None:
    stores, lake = platform
    item = put(stores, TODAY_MS, 30)
    lake.meanwhile = lambda: _move(stores, item)
    assert load_klines(stores, SYMBOL, DAY).total() == 30
    assert len(open_times(stores)) == 30


def _move(platform: PipelineContext, item: LakeObject) -> None:
    assert move_object(platform, item)


@pytest.mark.parametrize("forgotten", [False, True])
def test_an_object_that_another_run_has_loaded_and_deleted_is_skipped(
    forgotten: bool, platform: tuple[PipelineContext, DisturbedDirectory]
) -> None:
    """In between, the manifest still has it as loaded."""
    stores, lake = platform
    gone, other = put(stores, TODAY_MS, 30), put(stores, TODAY_MS + 30 * MINUTE_MS, 5)

    def meanwhile() -> None:
        mark_loaded_and_delete(stores, gone)
        if forgotten:
            stores.warehouse.lake_objects.forget_objects([gone])

    lake.meanwhile = meanwhile
    assert load_klines(stores, SYMBOL, DAY).total() == 5
    assert stores.warehouse.lake_objects.list_unloaded(SYMBOL, ObjectKind.KLINES, DAY) == []
    assert open_times(stores)[0] == other.first_time


def test_a_lost_object_is_dropped_with_a_quarantine_record(
    platform: tuple[PipelineContext, DisturbedDirectory],
) -> None:
    stores, _ = platform
    item = put(stores, TODAY_MS, 30)
    stores.raw_lake.delete([item.key])
    assert load_klines(stores, SYMBOL, DAY).total() == 0
    assert stores.warehouse.lake_objects.find_object(item.bucket, item.key) is None
    (lost,) = stores.warehouse.quarantine.list_records(SYMBOL)
    assert (lost.key, "gone from the lake" in lost.reason) == (item.key, True)


def test_an_order_book_that_another_run_moves_is_loaded(
    platform: tuple[PipelineContext, DisturbedDirectory],
) -> None:
    stores, lake = platform
    item = capture_order_book(stores, SYMBOL)
    lake.meanwhile = lambda: _move(stores, item)
    assert load_order_books(stores, SYMBOL, DAY) == 1
    assert stores.warehouse.order_books.count_snapshots(SYMBOL, DAY) == 1


def test_an_object_that_vanishes_during_the_listing_is_not_adopted(
    platform: tuple[PipelineContext, DisturbedDirectory],
) -> None:
    stores, lake = platform
    item = put(stores, TODAY_MS, 30)
    stores.warehouse.lake_objects.forget_objects([item])
    lake.meanwhile = lambda: lake.delete([item.key])
    assert adopt_orphaned_objects(stores, 2**53) == 0


def test_a_fuller_object_that_is_deleted_before_the_read_is_fetched_again(
    platform: tuple[PipelineContext, DisturbedDirectory],
) -> None:
    """The key has a later response, which is deleted before this run reads it."""
    stores, lake = platform
    run_ingest(stores, SYMBOL)
    (item,) = stores.warehouse.lake_objects.list_in_window(SYMBOL, ObjectKind.KLINES, DAY)
    body = lake.get(item.key)
    lake.put(item.key, body, fetched_at=2**50, source=item.source, rows=item.rows)
    lake.meanwhile = lambda: lake.delete([item.key])
    assert [one.error for one in run_ingest(stores, SYMBOL) if one.error] == []
    assert lake.get(item.key)
