"""What grows old in the lake goes, what is needed stays, and the next run mends a kill anywhere."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from crypto_assets.lake import describe_object
from crypto_assets.lake.directory_lake import DirectoryLake
from crypto_assets.market.utc_time import DAY_MS, Window, now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.ingest import ingest_symbols
from crypto_assets.pipeline.retention.apply_retention import apply_retention
from crypto_assets.pipeline.retention.expire_objects import ObjectTally, move_to_archive
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


class FetchedAnew(DirectoryLake):
    """Another run puts a later fetch as soon as the object is gone."""

    anew: Callable[[], None]

    def delete(self, keys: Iterable[str]) -> None:
        super().delete(keys)
        self.anew()


def test_objects_move_when_old_by_fetch_and_go_when_older(platform: PipelineContext) -> None:
    held, _ = keys(platform)
    assert len(held) == 2
    assert in_days(6.9, platform, raw_days=7).lake.moved == ObjectTally()
    moved = in_days(7.1, platform, raw_days=7).lake.moved
    assert moved == ObjectTally(2, sum(item.size_bytes for item in manifest(platform)))
    assert keys(platform) == ([], held)
    assert {item.bucket for item in manifest(platform)} == {platform.archive_lake.bucket}
    assert in_days(29.9, platform, raw_days=7, archive_days=30).lake.deleted == ObjectTally()
    assert in_days(30.1, platform, raw_days=7, archive_days=30).lake.deleted == moved
    assert keys(platform) == ([], [])
    assert manifest(platform) == []
    assert len(open_times(platform)) == 2 * 1440


def test_what_is_not_loaded_stays(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = replace(build_platform(simulated_exchange(now=NOON)), retention_policy=NEVER)
    list(ingest_symbols(platform, {"BTCUSDT": BOTH}, {KlinesStage.RAW}))
    held, _ = keys(platform)
    limits = {"raw_days": 1, "archive_days": 2, "lake_max_gb": 1e-9, "minute_days": 1}
    assert in_days(100, platform, **limits).lake.moved == ObjectTally()
    assert keys(platform) == (held, [])


def test_an_object_fetched_anew_but_not_yet_recorded_stays(platform: PipelineContext) -> None:
    """It was put, and the run was killed before its manifest row and its load."""
    item = manifest(platform)[0]
    body = platform.raw_lake.get(item.key).replace(b'"', b' "', 1)
    platform.raw_lake.put(
        item.key, body, fetched_at=item.fetched_at + 1, source=item.source, rows=item.rows
    )
    retired = in_days(10, platform, raw_days=7)
    assert (retired.lake.moved.objects, retired.lake.not_moved.objects) == (1, 1)
    in_days(100, platform, raw_days=7, archive_days=30, lake_max_gb=1e-9)
    assert platform.raw_lake.get(item.key) == body


def test_an_object_fetched_anew_while_it_moves_is_no_moved_one(platform: PipelineContext) -> None:
    """The manifest says of the later fetch that it lies in the raw lake, and is to be loaded."""
    old = manifest(platform)[0]
    body = platform.raw_lake.get(old.key).replace(b'"', b' "', 1)
    anew = describe_object(platform.raw_lake.bucket, old.key, body, old.fetched_at + 1)

    def fetch_anew() -> None:
        platform.raw_lake.put(
            old.key, body, fetched_at=anew.fetched_at, source=old.source, rows=old.rows
        )
        platform.warehouse.lake_objects.record_objects([anew])

    assert isinstance(platform.raw_lake, DirectoryLake)
    raw = FetchedAnew(platform.raw_lake.directory)
    raw.anew = fetch_anew
    assert not move_to_archive(replace(platform, raw_lake=raw), old)
    assert anew in manifest(platform)
    assert (platform.raw_lake.get(anew.key), old in manifest(platform)) == (body, False)
    load_klines(platform, "BTCUSDT", BOTH)
    assert in_days(10, platform, raw_days=7).lake.not_moved == ObjectTally()
    assert platform.archive_lake.get(anew.key) == body


def test_what_lies_in_the_archive_lake_is_the_objects_own_or_it_has_not_moved(
    platform: PipelineContext,
) -> None:
    """The raw object is gone, and a stranger stands in its place."""
    item = manifest(platform)[0]
    platform.raw_lake.delete([item.key])
    platform.archive_lake.put(
        item.key, b"[]", fetched_at=item.fetched_at, source=item.source, rows=0
    )
    assert not move_to_archive(platform, item)
    assert item in manifest(platform)


@pytest.mark.parametrize("lake", [KilledBefore, KilledAfter])
def test_killed_around_the_deletion(platform: PipelineContext, lake: type[DirectoryLake]) -> None:
    bodies = {item.key: platform.raw_lake.get(item.key) for item in manifest(platform)}
    assert isinstance(platform.raw_lake, DirectoryLake)
    dying = replace(platform, raw_lake=lake(platform.raw_lake.directory))
    with pytest.raises(Killed):
        in_days(10, dying, raw_days=7)
    raw, archive = keys(platform)
    assert {*raw, *archive} == set(bodies), "each object stands somewhere, whole"
    in_days(10, platform, raw_days=7)
    assert keys(platform) == ([], sorted(bodies))
    assert {item.bucket for item in manifest(platform)} == {platform.archive_lake.bucket}
    assert {key: platform.archive_lake.get(key) for key in bodies} == bodies


@pytest.mark.parametrize("lake", [KilledBefore, KilledAfter])
def test_killed_around_the_last_deletion(
    platform: PipelineContext, lake: type[DirectoryLake]
) -> None:
    in_days(10, platform, raw_days=7)
    assert isinstance(platform.archive_lake, DirectoryLake)
    dying = replace(platform, archive_lake=lake(platform.archive_lake.directory))
    with pytest.raises(Killed):
        in_days(40, dying, raw_days=7, archive_days=30)
    assert len(manifest(platform)) == 2, "nothing lies in a lake that no row tells of"
    in_days(40, platform, raw_days=7, archive_days=30)
    assert (keys(platform), manifest(platform)) == (([], []), [])


def test_above_the_size_the_oldest_archived_go(platform: PipelineContext) -> None:
    in_days(10, platform, raw_days=7)
    oldest, newest = sorted(manifest(platform), key=lambda item: (item.fetched_at, item.key))
    room = newest.size_bytes + 10
    limits = {"raw_days": 7, "archive_days": 30, "lake_max_gb": room / 1e9}
    assert in_days(10, platform, **limits).lake.deleted == ObjectTally(1, oldest.size_bytes)
    assert [item.key for item in manifest(platform)] == [newest.key]


def test_a_dry_run_tells_what_a_run_then_does(platform: PipelineContext) -> None:
    ingest_order_books(platform, "BTCUSDT", Window.of_day(TODAY), set(OrderBookStage))
    keep = replace(NEVER, raw_days=7, archive_days=30, minute_days=90, order_book_days=30)
    chosen, at = replace(platform, retention_policy=keep), now_ms() + 200 * DAY_MS
    held = keys(platform)
    told = apply_retention(chosen, dry_run=True, at_ms=at)
    assert keys(platform) == held
    assert len(open_times(platform)) == 2 * 1440
    assert told.order_book_levels == 40
    assert told.lake.deleted.objects == 3
    assert apply_retention(chosen, at_ms=at) == told
    assert keys(platform) == ([], [])
    assert platform.warehouse.order_books.count_snapshots("BTCUSDT", Window(0, 2**53)) == 1
    assert apply_retention(chosen, at_ms=at).minute_rows == 0


def test_users_settings_win(platform: PipelineContext) -> None:
    platform.warehouse.app_settings.put_value("raw_days", 3, who="a test")
    assert in_days(2.9, platform).lake.moved.objects == 0
    assert in_days(3.1, platform).lake.moved.objects == 2
