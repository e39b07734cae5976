"""A load uses the version of an object that the manifest describes."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from crypto_assets.errors import ObjectMissing
from crypto_assets.lake import build_klines_object
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import Source
from crypto_assets.market.raw_klines import RawKlines
from crypto_assets.market.utc_time import MINUTE_MS, Window, day_of
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.load_facts import load_klines
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform
from crypto_assets_tests.services.exchange import NOON, StartExchange

DAY = Window.of_day(TODAY - timedelta(days=1))


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> PipelineContext:
    return build_platform(simulated_exchange(now=NOON))


def put(platform: PipelineContext, volume: str, fetched_at: int) -> dict[str, bytes]:
    """Store and record the day's first five minutes; returns the bytes by key."""
    page = next(platform.exchange.rest.fetch_kline_pages("BTCUSDT", Interval.M1, DAY))[:5]
    rows = [[*row[:5], volume, *row[6:9], "0", "0", row[11]] for row in page]
    lake = platform.raw_lake
    klines = RawKlines.from_rows(rows)
    item, body = build_klines_object(lake.bucket, "BTCUSDT", klines, Source.REST, fetched_at)
    lake.put(item.key, body, fetched_at=fetched_at, source=item.source, rows=item.rows)
    platform.warehouse.lake_objects.record_objects([item])
    return {item.key: body}


def volumes(platform: PipelineContext) -> set[str]:
    table = platform.warehouse.facts.read_candles("BTCUSDT", DAY)
    assert table["open_time"].to_pylist() == [DAY.start_ms + n * MINUTE_MS for n in range(5)]
    return {f"{volume.normalize():f}" for volume in table["volume"].to_pylist()}


def test_objects_that_the_run_has_just_stored_are_not_read_again(platform: PipelineContext) -> None:
    bodies = put(platform, "7", NOON)
    platform.raw_lake.delete(list(bodies))
    assert load_klines(platform, "BTCUSDT", DAY, bodies).total() == 5
    assert volumes(platform) == {"7"}


def test_a_later_fetch_under_the_same_key_counts(platform: PipelineContext) -> None:
    """Otherwise the older values would be stored permanently as those of the later fetch."""
    mine = put(platform, "7", NOON)
    theirs = put(platform, "8", NOON + 1)
    assert [*mine] == [*theirs]
    assert load_klines(platform, "BTCUSDT", DAY, mine).total() == 5
    assert volumes(platform) == {"8"}
    assert load_klines(platform, "BTCUSDT", DAY, mine) == Counter()
    (fetched_at,) = set(
        platform.warehouse.facts.read_fetched_candles("BTCUSDT", DAY)["fetched_at"].to_pylist()
    )
    assert fetched_at == NOON + 1


def test_an_object_that_is_gone_is_dropped_with_a_record_and_others_are_loaded(
    platform: PipelineContext,
) -> None:
    put(platform, "7", NOON)
    page = next(platform.exchange.rest.fetch_kline_pages("BTCUSDT", Interval.M1, DAY))[5:9]
    klines = RawKlines.from_rows(page)
    gone, _ = build_klines_object(platform.raw_lake.bucket, "BTCUSDT", klines, Source.ARCHIVE, NOON)
    platform.warehouse.lake_objects.record_objects([gone])
    loaded = load_klines(platform, "BTCUSDT", DAY)
    assert loaded == {day_of(DAY.start_ms): 5}
    assert volumes(platform) == {"7"}
    assert platform.warehouse.lake_objects.find_object(gone.bucket, gone.key) is None
    (record,) = platform.warehouse.quarantine.list_records()
    assert (record.key, "gone from the lake" in record.reason) == (gone.key, True)
    assert load_klines(platform, "BTCUSDT", DAY) == Counter()


def test_an_object_that_was_moved_is_loaded_from_the_archive_lake(
    platform: PipelineContext,
) -> None:
    (key,) = put(platform, "7", NOON)
    platform.raw_lake.copy_to(platform.archive_lake, key)
    platform.raw_lake.delete([key])
    assert load_klines(platform, "BTCUSDT", DAY).total() == 5
    assert platform.warehouse.quarantine.list_records() == []


def test_nothing_is_dropped_if_the_lake_itself_is_gone(platform: PipelineContext) -> None:
    """For example an unmounted share."""
    put(platform, "7", NOON)
    lake = Path(platform.raw_lake.url)
    lake.rename(lake.with_name("elsewhere"))
    with pytest.raises(ObjectMissing, match="nor its own marker"):
        load_klines(platform, "BTCUSDT", DAY)
    lake.with_name("elsewhere").rename(lake)
    assert load_klines(platform, "BTCUSDT", DAY).total() == 5
