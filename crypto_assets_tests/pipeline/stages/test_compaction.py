"""Pieces of a past day go when its archive object says all that they said, and no sooner."""

from datetime import timedelta
from typing import Any

import pytest

from crypto_assets.lake import build_klines_object, decode_klines
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.raw_klines import RawKlines
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window, format_utc
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets.pipeline.stages.compaction import compact_days
from crypto_assets.pipeline.stages.load_facts import load_klines
from crypto_assets_tests.pipeline.conftest import TODAY, TODAY_MS, BuildPlatform, run_ingest
from crypto_assets_tests.services.exchange import NOON, StartExchange

DAY = TODAY - timedelta(days=1)
WINDOW = Window.of_day(DAY)


def objects(platform: PipelineContext) -> list[LakeObject]:
    return platform.warehouse.lake_objects.list_in_window("BTCUSDT", ObjectKind.KLINES, WINDOW)


def sources(platform: PipelineContext) -> list[str]:
    return sorted(item.source.value for item in objects(platform))


def put_small_object(
    platform: PipelineContext, fetched_at: int, first: int = 0, count: int = 5
) -> None:
    """Store some minutes of the day as an object from REST that is marked as loaded."""
    window = Window(WINDOW.start_ms + first * MINUTE_MS, WINDOW.end_ms)
    page = next(platform.exchange.rest.fetch_kline_pages("BTCUSDT", Interval.M1, window))
    _store(platform, RawKlines.from_rows(page[:count]), Source.REST, fetched_at)


def _store(platform: PipelineContext, klines: RawKlines, source: Source, fetched_at: int) -> None:
    lake = platform.raw_lake
    item, body = build_klines_object(lake.bucket, "BTCUSDT", klines, source, fetched_at)
    lake.put(item.key, body, fetched_at=fetched_at, source=source, rows=item.rows)
    platform.warehouse.lake_objects.record_objects([item])
    platform.warehouse.lake_objects.mark_loaded([item])


@pytest.mark.parametrize(("after", "left"), [(-1, 1), (0, 2), (1, 2)])
def test_an_object_is_deleted_only_if_the_archive_was_fetched_after_it(
    after: int, left: int, simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """Of two fetches in the same millisecond the archive's need not be the later one."""
    platform = build_platform(simulated_exchange(now=NOON))
    run_ingest(platform, first=DAY, last=DAY)
    (whole,) = objects(platform)
    put_small_object(platform, whole.fetched_at + after)
    compact_days(platform, "BTCUSDT", WINDOW)
    assert len(objects(platform)) == len(list(platform.raw_lake.list_entries())) == left


def test_an_object_that_is_fetched_again_before_its_deletion_is_kept(
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A correction arrives under the same key after the compaction has read the manifest."""
    platform = build_platform(simulated_exchange(now=NOON))
    run_ingest(platform, first=DAY, last=DAY)
    (whole,) = objects(platform)
    put_small_object(platform, whole.fetched_at - 1)
    (small,) = (item for item in objects(platform) if item.source is Source.REST)
    corrected = platform.raw_lake.get(small.key).replace(b'"0"]', b'"1"]')
    read = platform.warehouse.facts.list_open_times

    def put_meanwhile(symbol: str, window: Window) -> set[int]:
        platform.raw_lake.put(
            small.key,
            corrected,
            fetched_at=whole.fetched_at + 1,
            source=Source.REST,
            rows=small.rows,
        )
        return read(symbol, window)

    monkeypatch.setattr(platform.warehouse.facts, "list_open_times", put_meanwhile)
    assert compact_days(platform, "BTCUSDT", WINDOW) == 0
    assert platform.raw_lake.get(small.key) == corrected


def test_objects_are_kept_if_the_archive_object_is_gone(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = build_platform(simulated_exchange(now=NOON))
    run_ingest(platform, first=DAY, last=DAY)
    (whole,) = objects(platform)
    put_small_object(platform, whole.fetched_at - 1)
    platform.raw_lake.delete([whole.key])
    assert compact_days(platform, "BTCUSDT", WINDOW) == 0
    assert len(list(platform.raw_lake.list_entries())) == 1


def test_a_minute_that_is_invalid_in_the_archive_is_kept_in_the_lake(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """The file has an invalid row of the minute: only REST has a valid one."""
    flaw = {"do": "archive", "how": "negative_volume", "day": str(DAY)}
    server = simulated_exchange(now=NOON, faults=[flaw])
    platform = build_platform(server)
    run_ingest(platform, first=DAY, last=DAY)
    assert sources(platform) == ["archive", "rest"]
    server.clock.advance(7 * DAY_MS)
    run_ingest(platform, first=DAY, last=TODAY + timedelta(days=7), mode=IngestMode.DAYS)
    again = run_ingest(platform, first=DAY, last=DAY, mode=IngestMode.CLOSING)
    assert [outcome.error for outcome in again if outcome.error] == []
    assert sources(platform) == ["archive", "rest"]
    found = verify_symbol(platform, "BTCUSDT", WINDOW)
    assert (found.differences, found.minutes) == ((), 1440)


def test_the_larger_of_two_archive_objects_counts(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """A first, short file and REST's rows are both deleted."""
    short: dict[str, Any] = {"do": "archive", "how": "short", "day": str(DAY)}
    corrected_at = TODAY_MS + DAY_MS
    server = simulated_exchange(now=NOON, faults=[short | {"until": format_utc(corrected_at)}])
    platform = build_platform(server)
    run_ingest(platform, first=DAY, last=DAY)
    assert sources(platform) == ["archive", "rest"]
    server.clock.set_time(corrected_at + MINUTE_MS)
    run_ingest(platform, first=DAY, last=DAY)
    (whole,) = objects(platform)
    assert (whole.source, whole.rows) == (Source.ARCHIVE, 1440)
    (entry,) = platform.raw_lake.list_entries()
    assert len(decode_klines(platform.raw_lake.get(entry.key))) == 1440
    assert verify_symbol(platform, "BTCUSDT", WINDOW).passed


def test_an_object_with_a_minute_that_the_archive_lacks_is_kept(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    hole = {"do": "archive", "how": "hole", "row": 3, "day": str(DAY)}
    platform = build_platform(simulated_exchange(now=NOON, faults=[hole]))
    run_ingest(platform, first=DAY, last=DAY)
    (whole, rest) = sorted(objects(platform), key=lambda item: item.source)
    put_small_object(platform, whole.fetched_at - 1)
    put_small_object(platform, whole.fetched_at - 1, first=10)
    compact_days(platform, "BTCUSDT", WINDOW)
    left = {item.first_time - WINDOW.start_ms for item in objects(platform) if item != rest}
    assert left == {0}, "the archive object and the small one that has minute 3"


@pytest.mark.parametrize("also_over_rest", [False, True])
def test_the_next_compaction_deletes_the_manifest_rows_that_a_killed_one_left(
    also_over_rest: bool, simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """Also on a day whose archive is incomplete: an outage, or a minute that only REST has."""
    start = WINDOW.start_ms + 700 * MINUTE_MS
    outage = {"do": "outage", "start": format_utc(start), "end": format_utc(start + MINUTE_MS)}
    faults = [outage | {"in": "archive" if also_over_rest else "both"}]
    platform = build_platform(simulated_exchange(now=NOON, faults=faults))
    run_ingest(platform, first=DAY, last=DAY)
    whole = next(item for item in objects(platform) if item.source is Source.ARCHIVE)
    for first in (0, 10, 20, 30):
        put_small_object(platform, whole.fetched_at - 1, first=first)
    deleted = [item for item in objects(platform) if item.rows == 5 and item.first_time < start]
    platform.raw_lake.delete([item.key for item in deleted[:3]])
    assert compact_days(platform, "BTCUSDT", WINDOW) == 4
    assert sources(platform) == ["archive", "rest"][: 1 + also_over_rest]
    assert verify_symbol(platform, "BTCUSDT", WINDOW).passed


def test_a_lost_object_with_more_than_the_archive_is_kept_in_the_manifest(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    hole = {"do": "archive", "how": "hole", "row": 3, "day": str(DAY)}
    platform = build_platform(simulated_exchange(now=NOON, faults=[hole]))
    run_ingest(platform, first=DAY, last=DAY)
    whole = next(item for item in objects(platform) if item.source is Source.ARCHIVE)
    put_small_object(platform, whole.fetched_at - 1)
    lost = next(item for item in objects(platform) if item.rows == 5)
    platform.raw_lake.delete([lost.key])
    assert compact_days(platform, "BTCUSDT", WINDOW) == 0
    assert lost in objects(platform)


def test_an_object_with_a_candle_off_the_minute_is_kept(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """The archive has every minute of the day, but not the candle that began late."""
    platform = build_platform(simulated_exchange(now=NOON))
    run_ingest(platform, first=DAY, last=DAY)
    (whole,) = objects(platform)
    page = next(platform.exchange.rest.fetch_kline_pages("BTCUSDT", Interval.M1, WINDOW))
    late = [page[0], [int(page[1][0]) + 7_000, *page[1][1:]], page[2]]
    _store(platform, RawKlines.from_rows(late), Source.REST, whole.fetched_at - 1)
    platform.warehouse.lake_objects.mark_unloaded("BTCUSDT", ObjectKind.KLINES, WINDOW)
    load_klines(platform, "BTCUSDT", WINDOW)
    put_small_object(platform, whole.fetched_at - 1, first=10)
    assert compact_days(platform, "BTCUSDT", WINDOW) == 1
    assert sources(platform) == ["archive", "rest"]
