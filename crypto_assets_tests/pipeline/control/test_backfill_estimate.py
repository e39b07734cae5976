"""Estimates of a backfill: exact counts, and a duration from measured backfills only."""

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


def build_request(first: date, last: date, *symbols: str) -> BackfillRequest:
    days = (last - first).days + 1
    return BackfillRequest(
        symbols, first, last, tuple(f"{n}|{s}" for s in symbols for n in range(days))
    )


def build_progress(keys: int, seconds: int, status: str = "COMPLETED_SUCCESS") -> BackfillProgress:
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


def test_a_past_day_takes_a_file_and_a_checksum() -> None:
    wanted = build_request(date(2025, 3, 1), date(2025, 3, 4), "BTCUSDT", "ETHUSDT")
    found = estimate_backfill(wanted, NOON, None)
    assert (found.partitions, found.candles) == (8, 8 * 1440)
    assert found.requests == 16
    assert found.duration is None


def test_closed_minutes_of_today_take_pages_of_rest() -> None:
    found = estimate_backfill(build_request(date(2025, 3, 5), TODAY, "BTCUSDT"), NOON, None)
    assert (found.partitions, found.candles) == (2, 1440 + 17 * 60)
    assert found.requests == 2 + 2
    just = estimate_backfill(
        build_request(TODAY, TODAY, "BTCUSDT"), day_start_ms(TODAY) + 500, None
    )
    assert (just.candles, just.requests) == (0, 0)


def test_a_duration_is_the_start_and_the_time_per_partition() -> None:
    pace = measure_backfill_pace(
        [build_progress(10, 40), build_progress(110, 90), build_progress(500, 1, "CANCELED")]
    )
    assert pace == BackfillPace(measured=2, largest=110, start_seconds=35.0, seconds_per_key=0.5)
    assert estimate_backfill(
        build_request(TODAY, TODAY, "BTCUSDT"), NOON, pace
    ).duration == timedelta(seconds=35.5)


@pytest.mark.parametrize(("seconds", "per_key"), [(50, 2.0), (12, 0.0)])
def test_the_start_is_assumed_where_all_backfills_have_one_size(
    seconds: int, per_key: float
) -> None:
    pace = measure_backfill_pace([build_progress(10, seconds), build_progress(10, seconds)])
    assert pace == BackfillPace(measured=2, largest=10, start_seconds=30.0, seconds_per_key=per_key)


def test_there_is_no_pace_without_a_successful_backfill() -> None:
    assert measure_backfill_pace([]) is None
    assert (
        measure_backfill_pace(
            [build_progress(10, 40, "COMPLETED_FAILED"), build_progress(10, 40, "CANCELED")]
        )
        is None
    )
