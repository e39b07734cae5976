"""An object that another run moves, loads or removes while this one reads stops nothing."""

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
from crypto_assets.pipeline.retention.expire_objects import move_to_archive
from crypto_assets.pipeline.stages.load_facts import load_klines
from crypto_assets.pipeline.stages.order_books import capture_order_book, load_order_books
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


class Disturbed(DirectoryLake):
    """A directory in which something happens just before an object is first read."""

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
) -> tuple[PipelineContext, Disturbed]:
    built = build_platform(simulated_exchange(now=NOON))
    lake = Disturbed(Path(built.raw_lake.url))
    return replace(built, raw_lake=lake), lake


def put(platform: PipelineContext, start: int, count: int) -> LakeObject:
    """Some minutes as an object that is in the manifest and not loaded."""
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


def take_away(platform: PipelineContext, item: LakeObject) -> None:
    """As another run does that has loaded an object and then compacted its day."""
    platform.warehouse.lake_objects.mark_loaded([item])
    platform.raw_lake.delete([item.key])


def test_what_another_run_moves_is_read_where_it_went(
    platform: tuple[PipelineContext, Disturbed],
) -> None:
    stores, lake = platform
    item = put(stores, TODAY_MS, 30)
    lake.meanwhile = lambda: _move(stores, item)
    assert load_klines(stores, SYMBOL, DAY).total() == 30
    assert len(open_times(stores)) == 30


def _move(platform: PipelineContext, item: LakeObject) -> None:
    assert move_to_archive(platform, item)


@pytest.mark.parametrize("forgotten", [False, True])
def test_what_another_run_has_loaded_and_removed_is_passed_over(
    forgotten: bool, platform: tuple[PipelineContext, Disturbed]
) -> None:
    """Between the two the manifest still names it, as loaded."""
    stores, lake = platform
    gone, other = put(stores, TODAY_MS, 30), put(stores, TODAY_MS + 30 * MINUTE_MS, 5)

    def meanwhile() -> None:
        take_away(stores, gone)
        if forgotten:
            stores.warehouse.lake_objects.forget_objects([gone])

    lake.meanwhile = meanwhile
    assert load_klines(stores, SYMBOL, DAY).total() == 5
    assert stores.warehouse.lake_objects.list_unloaded(SYMBOL, ObjectKind.KLINES, DAY) == []
    assert open_times(stores)[0] == other.first_time


def test_what_is_lost_is_dropped_with_a_record(platform: tuple[PipelineContext, Disturbed]) -> None:
    stores, _ = platform
    item = put(stores, TODAY_MS, 30)
    stores.raw_lake.delete([item.key])
    assert load_klines(stores, SYMBOL, DAY).total() == 0
    assert stores.warehouse.lake_objects.find_object(item.bucket, item.key) is None
    (lost,) = stores.warehouse.quarantine.list_records(SYMBOL)
    assert (lost.key, "gone from the lake" in lost.reason) == (item.key, True)


def test_an_order_book_that_another_run_moves(platform: tuple[PipelineContext, Disturbed]) -> None:
    stores, lake = platform
    item = capture_order_book(stores, SYMBOL)
    lake.meanwhile = lambda: _move(stores, item)
    assert load_order_books(stores, SYMBOL, DAY) == 1
    assert stores.warehouse.order_books.count_snapshots(SYMBOL, DAY) == 1


def test_an_object_that_goes_while_its_lake_is_looked_through(
    platform: tuple[PipelineContext, Disturbed],
) -> None:
    stores, lake = platform
    item = put(stores, TODAY_MS, 30)
    stores.warehouse.lake_objects.forget_objects([item])
    lake.meanwhile = lambda: lake.delete([item.key])
    assert adopt_orphaned_objects(stores, [TODAY], 2**53) == 0


def test_a_fuller_object_that_goes_before_it_is_read(
    platform: tuple[PipelineContext, Disturbed],
) -> None:
    """A later answer stands under the key, and is removed before this run reads it."""
    stores, lake = platform
    run_ingest(stores, SYMBOL)
    (item,) = stores.warehouse.lake_objects.list_in_window(SYMBOL, ObjectKind.KLINES, DAY)
    body = lake.get(item.key)
    lake.put(item.key, body, fetched_at=2**50, source=item.source, rows=item.rows)
    lake.meanwhile = lambda: lake.delete([item.key])
    assert [one.error for one in run_ingest(stores, SYMBOL) if one.error] == []
    assert lake.get(item.key)
