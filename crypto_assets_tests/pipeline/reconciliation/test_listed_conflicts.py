"""What the exchange itself contradicts is recorded and listed, and is no difference."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crypto_assets.errors import LakeUnavailable
from crypto_assets.lake.directory_lake import DirectoryLake
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import Source
from crypto_assets.market.utc_time import (
    HOUR_MS,
    Window,
    now_ms,
)
from crypto_assets.pipeline.ingestion.import_objects import load_imported_days
from crypto_assets.pipeline.reconciliation.resolve_conflicts import resolve_conflicts
from crypto_assets.warehouse import ConflictKind
from crypto_assets_tests.pipeline.conftest import BuildPlatform, run_ingest
from crypto_assets_tests.pipeline.market_files import minute, together, write_candles
from crypto_assets_tests.pipeline.reconciliation.contradictions import (
    ARCHIVE_DIFFERS,
    AT,
    DAY,
    FIRST,
    HOUR,
    SYMBOL,
    check,
    load_archive_alone,
    market,
    put_minutes,
    serve,
    volume_at,
    volume_by_rest,
)
from crypto_assets_tests.pipeline.tampering import tamper
from crypto_assets_tests.services.exchange import NOON, StartExchange


class FullDirectory(DirectoryLake):
    """A directory on a disk that is full."""

    def put(self, *_: Any, **__: Any) -> bool:
        raise LakeUnavailable("no space left on device")


def test_a_conflict_of_an_earlier_version_is_listed_and_a_backfill_resolves_it(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, warehouse_url: str
) -> None:
    server = simulated_exchange(now=NOON, faults=[ARCHIVE_DIFFERS])
    platform = build_platform(server, warehouse_url=warehouse_url)
    load_archive_alone(platform)
    found = check(platform)
    assert {(one.interval, one.open_time) for one in found.differences} == {
        (Interval.H1, HOUR),
        (Interval.D1, DAY.start_ms),
    }
    assert found.conflicts == ()
    run_ingest(platform, first=FIRST, last=FIRST)
    assert check(platform).passed
    assert volume_at(platform, AT) == volume_by_rest(platform, Interval.M1, AT)


def test_an_hour_that_no_minutes_give_is_listed_without_a_difference(
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    warehouse_url: str,
    tmp_path: Path,
) -> None:
    wrong, _ = market(tmp_path / "wrong", hour_volume=1)
    server = simulated_exchange(now=NOON, data=wrong)
    platform = build_platform(server, warehouse_url=warehouse_url)
    run_ingest(platform, first=FIRST, last=FIRST)
    first = check(platform)
    assert (first.passed, first.compared, first.differences) == (True, 25, ())
    assert [(one.interval, one.open_time, one.kind) for one in first.conflicts] == [
        (Interval.H1, HOUR, ConflictKind.CONTRADICTION),
        (Interval.D1, DAY.start_ms, ConflictKind.CONTRADICTION),
    ]
    assert "volume: the stored minutes give 120" in first.conflicts[0].evidence
    assert "the exchange has 121" in first.conflicts[0].evidence
    assert "volume: REST's minutes give 120" in first.conflicts[0].evidence
    recorded = platform.warehouse.exchange_conflicts.list_conflicts(SYMBOL)
    assert len(recorded) == 2
    assert check(platform) == first
    assert platform.warehouse.exchange_conflicts.list_conflicts(SYMBOL) == recorded
    right, _ = market(tmp_path / "right")
    corrected = serve(platform, simulated_exchange(now=NOON, data=right))
    assert check(corrected).conflicts == ()
    assert platform.warehouse.exchange_conflicts.list_conflicts(SYMBOL) == []


def test_a_day_is_listed_if_no_minutes_give_one_of_its_hours(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    """A backfill resolves only hours, so no command could change the day."""
    folder, minutes = market(tmp_path / "data", hour_volume=1)
    write_candles(folder, SYMBOL, "1d", [together(minutes, DAY.start_ms, DAY.end_ms - 1)])
    server = simulated_exchange(now=NOON, data=folder, faults=[ARCHIVE_DIFFERS])
    platform = build_platform(server)
    run_ingest(platform, first=FIRST, last=FIRST)
    found = check(platform)
    assert found.differences == ()
    assert [(one.interval, one.kind) for one in found.conflicts] == [
        (Interval.H1, ConflictKind.CONTRADICTION),
        (Interval.D1, ConflictKind.CONTRADICTION),
    ]


def test_a_wrong_stored_hour_is_a_difference_beside_a_contradiction(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    wrong, _ = market(tmp_path / "wrong", hour_volume=1)
    platform = build_platform(simulated_exchange(now=NOON, data=wrong))
    run_ingest(platform, first=FIRST, last=FIRST)
    where = f"WHERE symbol_id = {{symbol}} AND open_time = {HOUR}"
    tamper(platform, f"UPDATE hourly_klines SET volume = volume + 5 {where}")
    assert {one.interval for one in check(platform).differences} == {Interval.H1, Interval.D1}
    assert not check(platform).passed


def test_a_verified_minute_that_the_exchange_withdraws_is_listed_without_a_difference(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    """The verified minute stays; a backfill could not remove it and is not suggested."""
    folder, minutes = market(tmp_path / "data")
    platform = build_platform(simulated_exchange(now=NOON, data=folder))
    run_ingest(platform, first=FIRST, last=FIRST)
    own = [row for row in minutes if row.open_time in Window(HOUR, HOUR + HOUR_MS)]
    put_minutes(platform, own, Source.VERIFIED, now_ms())
    assert [one.error for one in load_imported_days(platform, SYMBOL, [FIRST])] == [None] * 3
    withdrawn, _ = market(tmp_path / "withdrawn", without=AT)
    platform = serve(platform, simulated_exchange(now=NOON, data=withdrawn))
    run_ingest(platform, first=FIRST, last=FIRST)
    found = check(platform)
    assert (found.passed, found.differences) == (True, ())
    assert HOUR in {one.open_time for one in found.conflicts}


def test_a_conflict_is_recorded_before_its_minutes_are_loaded(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """A run that is killed in between leaves no conflict unrecorded."""
    platform = build_platform(simulated_exchange(now=NOON, faults=[ARCHIVE_DIFFERS]))
    load_archive_alone(platform)
    full = replace(platform, raw_lake=FullDirectory(Path(platform.raw_lake.url)))
    with pytest.raises(LakeUnavailable):
        resolve_conflicts(full, SYMBOL, DAY, NOON)
    assert [
        one.open_time for one in platform.warehouse.exchange_conflicts.list_conflicts(SYMBOL)
    ] == [HOUR]
    assert not check(platform).passed
    run_ingest(platform, first=FIRST, last=FIRST)
    assert check(platform).passed


def test_a_known_revision_explains_an_hour_that_was_not_revised(
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    warehouse_url: str,
    tmp_path: Path,
) -> None:
    """Archive and REST revised a minute, but the exchange did not revise its hour and day."""
    folder, _ = market(tmp_path / "first")
    server = simulated_exchange(now=NOON, data=folder)
    platform = build_platform(server, warehouse_url=warehouse_url)
    run_ingest(platform, first=FIRST, last=FIRST)
    revised, _ = market(tmp_path / "revised", rest={AT: minute(AT, 90, 8)})
    platform = serve(platform, simulated_exchange(now=NOON, data=revised))
    run_ingest(platform, first=FIRST, last=FIRST)
    assert volume_at(platform, AT) == 8
    found = check(platform)
    assert (found.passed, found.conflicts) == (True, ())
    assert {(one.difference.interval.value, one.difference.column) for one in found.explained} >= {
        ("1h", "volume"),
        ("1d", "volume"),
    }
    where = f"WHERE symbol_id = {{symbol}} AND open_time = {HOUR}"
    tamper(platform, f"UPDATE hourly_klines SET volume = volume + 1 {where}")
    assert not check(platform).passed
