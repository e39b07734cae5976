"""Closing days: each is fetched when its archive appears and a week later, and at no other time."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    day_start_ms,
    format_utc,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.close_day import list_due_days
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets.pipeline.stages.results import DayOutcome, KlinesStage
from crypto_assets_tests.pipeline.conftest import (
    TODAY,
    TODAY_MS,
    BuildPlatform,
    open_times,
    run_ingest,
)
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange
from crypto_assets_tests.warehouse.stored_minutes import delete_minutes

FIRST = TODAY - timedelta(days=8)
WEEK_AGO = TODAY - timedelta(days=6)  # seven days before tomorrow, when today is closed
TOMORROW_MS = TODAY_MS + DAY_MS
HALF_A_MINUTE = MINUTE_MS // 2


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange(now=NOON)


@pytest.fixture
def platform(server: ExchangeServer, build_platform: BuildPlatform) -> PipelineContext:
    """Eight days from the archive and today by ticks; the clock is shortly after today's end."""
    built = build_platform(server)
    run_ingest(built, first=FIRST)
    server.clock.set_time(TOMORROW_MS + 10 * MINUTE_MS + HALF_A_MINUTE)
    run_ingest(built, last=TODAY + timedelta(days=1), tail=True)
    return built


def close(platform: PipelineContext) -> list[DayOutcome]:
    outcomes = run_ingest(platform, first=FIRST, last=TODAY, mode=IngestMode.CLOSING)
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    return outcomes


def list_fetches(platform: PipelineContext) -> dict[date, set[tuple[Source, int]]]:
    """The sources and fetch times of each day's objects."""
    return {
        day: {
            (item.source, item.fetched_at)
            for item in platform.warehouse.lake_objects.list_in_window(
                "BTCUSDT", ObjectKind.KLINES, Window.of_day(day)
            )
        }
        for day in Window.of_days(FIRST, TODAY).iter_days()
    }


def close_and_list_fetched(platform: PipelineContext) -> Iterator[date]:
    """Close days; yields those that were fetched again."""
    before = list_fetches(platform)
    close(platform)
    after = list_fetches(platform)
    yield from (day for day in before if after[day] != before[day])


def sources(platform: PipelineContext, day: date) -> list[str]:
    return sorted(source.value for source, _ in list_fetches(platform)[day])


def test_after_midnight_a_complete_yesterday_is_not_fetched_again(
    platform: PipelineContext,
) -> None:
    assert set(close_and_list_fetched(platform)) == {WEEK_AGO}
    outcomes = close(platform)
    assert {(o.stage, o.rows) for o in outcomes if o.day == TODAY} == {
        (KlinesStage.RAW, 1440),
        (KlinesStage.FACTS, 1440),
        (KlinesStage.HOURS, 24),
        (KlinesStage.DAYS, 1),
    }
    assert "not published" in str(outcomes[0].details["note"])


def test_in_the_morning_yesterdays_archive_replaces_the_objects_of_ticks(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    close(platform)
    assert sources(platform, TODAY) == ["rest", "rest"]
    server.clock.advance(7 * HOUR_MS)
    assert list_due_days(platform) == [TODAY]
    assert set(close_and_list_fetched(platform)) == {TODAY}
    assert sources(platform, TODAY) == ["archive"]
    assert set(close_and_list_fetched(platform)) == set()
    assert len(open_times(platform)) == 9 * 1440 + 10


def test_a_day_is_fetched_once_more_a_week_later(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    assert list_due_days(platform) == [WEEK_AGO, TODAY]
    assert set(close_and_list_fetched(platform)) == {WEEK_AGO}
    assert set(close_and_list_fetched(platform)) == set()
    server.clock.advance(DAY_MS)
    run_ingest(platform, last=TODAY + timedelta(days=2), tail=True)
    assert list_due_days(platform)[0] == WEEK_AGO + timedelta(days=1)


def test_repeats_that_were_missed_are_due_later(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    close(platform)
    server.clock.advance(3 * DAY_MS)
    run_ingest(platform, first=TODAY + timedelta(days=1), last=TODAY + timedelta(days=3))
    late = [WEEK_AGO + timedelta(days=n) for n in (1, 2, 3)]
    assert list_due_days(platform)[:3] == late


def test_a_day_that_could_not_be_fetched_fails_at_every_stage(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    delete_minutes(
        platform.warehouse, "BTCUSDT", Window(TODAY_MS + 13 * HOUR_MS, TODAY_MS + 14 * HOUR_MS)
    )
    server.faults.add_rule({"do": "status", "status": 451, "day": str(TODAY)})
    outcomes = run_ingest(platform, first=FIRST, last=TODAY, mode=IngestMode.CLOSING)
    found = [(one.stage, one.day, one.error is None) for one in outcomes]
    expected = {(stage, day, day == WEEK_AGO) for stage in KlinesStage for day in (WEEK_AGO, TODAY)}
    assert sorted(found) == sorted(expected)


def test_changes_of_a_second_fetch_are_recorded_and_aggregated(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    at = day_start_ms(WEEK_AGO) + 5 * HOUR_MS
    day = Window.of_day(WEEK_AGO)
    (before,) = platform.warehouse.facts.read_candles("BTCUSDT", Window(at, at + 1)).to_pylist()
    server.faults.add_rule(
        {
            **{"do": "revise", "start": format_utc(at), "end": format_utc(at + MINUTE_MS)},
            **{"change": {"high": "=99999", "trade_count": "+3"}},
        }
    )
    close(platform)
    (revision,) = platform.warehouse.revisions.list_revisions("BTCUSDT")
    assert (revision.open_time, revision.old_source, revision.new_source) == (
        at,
        "archive",
        "archive",
    )
    assert revision.old.high == before["high"]
    assert revision.new.high == 99_999
    assert revision.new.trade_count == before["trade_count"] + 3
    for interval in (Interval.H1, Interval.D1):
        period = Window(interval.floor(at), interval.floor(at) + 1)
        (candle,) = platform.warehouse.aggregates.read_candles(
            "BTCUSDT", interval, period
        ).to_pylist()
        assert candle["high"] == 99_999
    assert verify_symbol(platform, "BTCUSDT", day).passed


def test_a_late_archive_is_fetched_when_it_appears(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    late = TODAY - timedelta(days=2)
    server = simulated_exchange(
        now=NOON, faults=[{"do": "archive", "how": "late", "hours": 96, "day": str(late)}]
    )
    platform = build_platform(server)
    run_ingest(platform, first=TODAY - timedelta(days=3))
    assert sources(platform, late) == ["rest"]
    server.clock.set_time(TOMORROW_MS + 7 * HOUR_MS + HALF_A_MINUTE)
    run_ingest(platform, last=TODAY + timedelta(days=1), tail=True)
    assert list_due_days(platform) == [late, TODAY]
    assert set(close_and_list_fetched(platform)) == {TODAY}
    assert sources(platform, late) == ["rest"]
    server.clock.advance(2 * DAY_MS)
    run_ingest(platform, last=TODAY + timedelta(days=3), tail=True)
    assert late in set(close_and_list_fetched(platform))
    assert sources(platform, late) == ["archive"]


def test_yesterday_with_a_gap_is_fetched_over_rest_at_once(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    """The ticks missed the minutes: closing does not wait for the archive."""
    delete_minutes(
        platform.warehouse, "BTCUSDT", Window(TODAY_MS + 13 * HOUR_MS, TODAY_MS + 14 * HOUR_MS)
    )
    assert TODAY in set(close_and_list_fetched(platform))
    assert len(open_times(platform)) == 9 * 1440 + 10


def test_a_symbol_that_is_far_behind_or_untracked_is_not_closed(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform = build_platform(server, "BTCUSDT", "ETHUSDT")
    run_ingest(platform, "BTCUSDT", "ETHUSDT", first=FIRST, last=FIRST)
    assert list_due_days(platform) == [TODAY - timedelta(days=1)]
    close(platform)
    assert platform.warehouse.watermarks.get_watermark("BTCUSDT").last_open_time == (
        day_start_ms(FIRST) + DAY_MS - MINUTE_MS
    )
    run_ingest(platform, "ETHUSDT", first=TODAY - timedelta(days=1))
    platform.warehouse.symbols.untrack_symbol("ETHUSDT")
    assert run_ingest(platform, "ETHUSDT", first=FIRST, last=TODAY, mode=IngestMode.CLOSING) == []


def test_expired_days_are_not_fetched_again(platform: PipelineContext) -> None:
    platform.warehouse.facts.expire_minutes("BTCUSDT", day_start_ms(WEEK_AGO) + DAY_MS)
    assert list_due_days(platform) == [TODAY]
    assert set(close_and_list_fetched(platform)) == set()
