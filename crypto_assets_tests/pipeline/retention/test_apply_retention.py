"""Old objects expire, needed ones stay, and a run continues after a kill at any point."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from crypto_assets.lake import describe_object
from crypto_assets.lake.directory_lake import DirectoryLake
from crypto_assets.market.utc_time import DAY_MS, Window, now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.ingest import ingest_symbols
from crypto_assets.pipeline.retention.apply_retention import apply_retention
from crypto_assets.pipeline.retention.expire_objects import ObjectTally
from crypto_assets.pipeline.stages.load_facts import load_klines
from crypto_assets.pipeline.stages.order_books import ingest_order_books
from crypto_assets.pipeline.stages.results import KlinesStage, OrderBookStage
from crypto_assets_tests.pipeline.aging import (
    BOTH,
    NEVER,
    Killed,
    in_days,
    keys,
    manifest,
    move_object,
    platform,
)
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform, open_times
from crypto_assets_tests.services.exchange import NOON, StartExchange

__all__ = ["platform"]


class KilledBefore(DirectoryLake):
    def delete(self, keys: Iterable[str]) -> None:
        raise Killed


class KilledAfter(DirectoryLake):
    def delete(self, keys: Iterable[str]) -> None:
        super().delete(keys)
        raise Killed


class RefetchedDirectory(DirectoryLake):
    """A directory in which another run puts a later fetch right after a deletion."""

    refetch: Callable[[], None]

    def delete(self, keys: Iterable[str]) -> None:
        super().delete(keys)
        self.refetch()


def test_old_objects_move_and_older_ones_are_deleted(platform: PipelineContext) -> None:
    raw_keys, _ = keys(platform)
    assert len(raw_keys) == 2
    assert in_days(6.9, platform, raw_days=7).lake.moved == ObjectTally()
    moved = in_days(7.1, platform, raw_days=7).lake.moved
    assert moved == ObjectTally(2, sum(item.size_bytes for item in manifest(platform)))
    assert keys(platform) == ([], raw_keys)
    assert {item.bucket for item in manifest(platform)} == {platform.archive_lake.bucket}
    assert in_days(29.9, platform, raw_days=7, archive_days=30).lake.deleted == ObjectTally()
    assert in_days(30.1, platform, raw_days=7, archive_days=30).lake.deleted == moved
    assert keys(platform) == ([], [])
    assert manifest(platform) == []
    assert len(open_times(platform)) == 2 * 1440


def test_unloaded_objects_stay(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = replace(build_platform(simulated_exchange(now=NOON)), retention_policy=NEVER)
    list(ingest_symbols(platform, {"BTCUSDT": BOTH}, {KlinesStage.RAW}))
    raw_keys, _ = keys(platform)
    limits = {"raw_days": 1, "archive_days": 2, "lake_max_gb": 1e-9, "minute_days": 1}
    assert in_days(100, platform, **limits).lake.moved == ObjectTally()
    assert keys(platform) == (raw_keys, [])


def test_an_object_fetched_again_but_not_recorded_stays(platform: PipelineContext) -> None:
    """Its run was killed between the lake and the manifest."""
    item = manifest(platform)[0]
    body = platform.raw_lake.get(item.key).replace(b'"', b' "', 1)
    platform.raw_lake.put(
        item.key, body, fetched_at=item.fetched_at + 1, source=item.source, rows=item.rows
    )
    expired = in_days(10, platform, raw_days=7)
    assert (expired.lake.moved.objects, expired.lake.not_moved.objects) == (1, 1)
    in_days(100, platform, raw_days=7, archive_days=30, lake_max_gb=1e-9)
    assert platform.raw_lake.get(item.key) == body


def test_an_object_fetched_again_during_its_move_is_not_moved(platform: PipelineContext) -> None:
    """The manifest still has the later fetch, in the raw lake and unloaded."""
    old = manifest(platform)[0]
    body = platform.raw_lake.get(old.key).replace(b'"', b' "', 1)
    refetched = describe_object(platform.raw_lake.bucket, old.key, body, old.fetched_at + 1)

    def refetch() -> None:
        platform.raw_lake.put(
            old.key, body, fetched_at=refetched.fetched_at, source=old.source, rows=old.rows
        )
        platform.warehouse.lake_objects.record_objects([refetched])

    assert isinstance(platform.raw_lake, DirectoryLake)
    raw = RefetchedDirectory(platform.raw_lake.directory)
    raw.refetch = refetch
    assert not move_object(replace(platform, raw_lake=raw), old)
    assert refetched in manifest(platform)
    assert (platform.raw_lake.get(refetched.key), old in manifest(platform)) == (body, False)
    load_klines(platform, "BTCUSDT", BOTH)
    assert in_days(10, platform, raw_days=7).lake.not_moved == ObjectTally()
    assert platform.archive_lake.get(refetched.key) == body


def test_another_object_of_that_key_in_the_archive_lake_is_not_the_moved_one(
    platform: PipelineContext,
) -> None:
    """The raw object is gone, and the archive lake has another body under its key."""
    item = manifest(platform)[0]
    platform.raw_lake.delete([item.key])
    platform.archive_lake.put(
        item.key, b"[]", fetched_at=item.fetched_at, source=item.source, rows=0
    )
    assert not move_object(platform, item)
    assert item in manifest(platform)


@pytest.mark.parametrize("lake", [KilledBefore, KilledAfter])
def test_a_move_continues_after_a_kill_around_its_deletion(
    platform: PipelineContext, lake: type[DirectoryLake]
) -> None:
    bodies = {item.key: platform.raw_lake.get(item.key) for item in manifest(platform)}
    assert isinstance(platform.raw_lake, DirectoryLake)
    failing = replace(platform, raw_lake=lake(platform.raw_lake.directory))
    with pytest.raises(Killed):
        in_days(10, failing, raw_days=7)
    raw, archive = keys(platform)
    assert {*raw, *archive} == set(bodies), "each object is in one of the lakes, unchanged"
    in_days(10, platform, raw_days=7)
    assert keys(platform) == ([], sorted(bodies))
    assert {item.bucket for item in manifest(platform)} == {platform.archive_lake.bucket}
    assert {key: platform.archive_lake.get(key) for key in bodies} == bodies


@pytest.mark.parametrize("lake", [KilledBefore, KilledAfter])
def test_an_expiry_continues_after_a_kill_around_its_deletion(
    platform: PipelineContext, lake: type[DirectoryLake]
) -> None:
    in_days(10, platform, raw_days=7)
    assert isinstance(platform.archive_lake, DirectoryLake)
    failing = replace(platform, archive_lake=lake(platform.archive_lake.directory))
    with pytest.raises(Killed):
        in_days(40, failing, raw_days=7, archive_days=30)
    assert len(manifest(platform)) == 2, "every object in a lake has its row"
    in_days(40, platform, raw_days=7, archive_days=30)
    assert (keys(platform), manifest(platform)) == (([], []), [])


def test_the_oldest_archived_objects_are_deleted_above_the_size_limit(
    platform: PipelineContext,
) -> None:
    in_days(10, platform, raw_days=7)
    oldest, newest = sorted(manifest(platform), key=lambda item: (item.fetched_at, item.key))
    limit = newest.size_bytes + 10
    limits = {"raw_days": 7, "archive_days": 30, "lake_max_gb": limit / 1e9}
    assert in_days(10, platform, **limits).lake.deleted == ObjectTally(1, oldest.size_bytes)
    assert [item.key for item in manifest(platform)] == [newest.key]


def test_a_dry_run_reports_what_a_run_then_does(platform: PipelineContext) -> None:
    ingest_order_books(platform, "BTCUSDT", Window.of_day(TODAY), set(OrderBookStage))
    policy = replace(NEVER, raw_days=7, archive_days=30, minute_days=90, order_book_days=30)
    chosen, at = replace(platform, retention_policy=policy), now_ms() + 200 * DAY_MS
    raw_keys = keys(platform)
    planned = apply_retention(chosen, dry_run=True, at_ms=at)
    assert keys(platform) == raw_keys
    assert len(open_times(platform)) == 2 * 1440
    assert planned.order_book_levels == 40
    assert planned.lake.deleted.objects == 3
    assert apply_retention(chosen, at_ms=at) == planned
    assert keys(platform) == ([], [])
    assert platform.warehouse.order_books.count_snapshots("BTCUSDT", Window(0, 2**53)) == 1
    assert apply_retention(chosen, at_ms=at).minute_rows == 0


def test_the_settings_of_users_take_precedence(platform: PipelineContext) -> None:
    platform.warehouse.app_settings.put_value("raw_days", 3, who="a test")
    assert in_days(2.9, platform).lake.moved.objects == 0
    assert in_days(3.1, platform).lake.moved.objects == 2
