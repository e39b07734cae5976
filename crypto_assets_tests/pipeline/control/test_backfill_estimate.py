"""What a backfill will be: counted to the minute, timed only by what was measured."""

from datetime import date, timedelta

import pytest

from crypto_assets.market.utc_time import MINUTE_MS, day_start_ms
from crypto_assets.orchestrator import BackfillProgress
from crypto_assets.pipeline.control.backfill import BackfillRequest
from crypto_assets.pipeline.control.backfill_estimate import (
    BackfillPace,
    estimate_backfill,
    measure_backfill_pace,
)

TODAY = date(2025, 3, 6)
NOON = day_start_ms(TODAY) + 17 * 60 * MINUTE_MS + 500


def asked(first: date, last: date, *symbols: str) -> BackfillRequest:
    days = (last - first).days + 1
    return BackfillRequest(
        symbols, first, last, tuple(f"{n}|{s}" for s in symbols for n in range(days))
    )


def ended(keys: int, seconds: int, status: str = "COMPLETED_SUCCESS") -> BackfillProgress:
    return BackfillProgress(
        id="a",
        status=status,
        title=None,
        key_count=keys,
        launched_at=5_000,
        ended_at=5_000 + seconds * 1000,
        targeted=keys * 4,
        materialized=keys * 4,
        failed=0,
        error=None,
    )


def test_past_days_are_files_and_checksums() -> None:
    wanted = asked(date(2025, 3, 1), date(2025, 3, 4), "BTCUSDT", "ETHUSDT")
    found = estimate_backfill(wanted, NOON, None)
    assert (found.partitions, found.candles) == (8, 8 * 1440)
    assert found.requests == 16
    assert found.duration is None


def test_today_comes_in_pages_as_far_as_it_has_closed() -> None:
    found = estimate_backfill(asked(date(2025, 3, 5), TODAY, "BTCUSDT"), NOON, None)
    assert (found.partitions, found.candles) == (2, 1440 + 17 * 60)
    assert found.requests == 2 + 2
    just = estimate_backfill(asked(TODAY, TODAY, "BTCUSDT"), day_start_ms(TODAY) + 500, None)
    assert (just.candles, just.requests) == (0, 0)


def test_time_is_the_wait_and_what_each_partition_took() -> None:
    pace = measure_backfill_pace([ended(10, 40), ended(110, 90), ended(500, 1, "CANCELED")])
    assert pace == BackfillPace(measured=2, largest=110, start_seconds=35.0, seconds_per_key=0.5)
    assert estimate_backfill(asked(TODAY, TODAY, "BTCUSDT"), NOON, pace).duration == timedelta(
        seconds=35.5
    )


@pytest.mark.parametrize(("seconds", "a_key"), [(50, 2.0), (12, 0.0)])
def test_of_one_size_the_wait_for_the_daemon_is_left_out(seconds: int, a_key: float) -> None:
    pace = measure_backfill_pace([ended(10, seconds), ended(10, seconds)])
    assert pace == BackfillPace(measured=2, largest=10, start_seconds=30.0, seconds_per_key=a_key)


def test_nothing_measured_is_no_pace() -> None:
    assert measure_backfill_pace([]) is None
    assert (
        measure_backfill_pace([ended(10, 40, "COMPLETED_FAILED"), ended(10, 40, "CANCELED")])
        is None
    )
