"""Gaps are recorded, fetched and classified; what was never published is not filled in."""

from datetime import date

import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, format_utc
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import record_gaps
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.pipeline.stages.store_raw import store_days
from crypto_assets_tests.pipeline.conftest import (
    TODAY,
    TODAY_MS,
    BuildPlatform,
    make_pipeline,
    open_times,
    run_ingest,
)
from crypto_assets_tests.services.exchange import NOON, StartExchange

_FIRST = date(2025, 3, 4)
_START = TODAY_MS - 2 * DAY_MS


def ledger(platform: PipelineContext, *, closed: bool = False) -> list[tuple[str, int, int]]:
    """(class, first missing minute, minutes); minutes count from the start of 2025-03-04."""
    return [
        (gap.gap_class.value, (gap.start - _START) // MINUTE_MS, gap.minutes)
        for gap in platform.warehouse.gap_ledger.list_gaps(closed=closed)
    ]


def outage(start: int, end: int, **more: object) -> dict[str, object]:
    return {"do": "outage", "start": format_utc(start), "end": format_utc(end), **more}


def test_complete_days_have_no_gap(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = build_platform(simulated_exchange(now=NOON))
    run_ingest(platform, first=_FIRST)
    assert ledger(platform) == []


def test_outages_are_classified_and_days_are_computed_from_the_other_minutes(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    over_midnight = _START + DAY_MS - HOUR_MS
    faults = [
        outage(_START + 10 * MINUTE_MS, _START + 12 * MINUTE_MS),
        outage(over_midnight, over_midnight + 2 * HOUR_MS),
    ]
    platform = build_platform(simulated_exchange(now=NOON, faults=faults))
    run_ingest(platform, first=_FIRST)
    assert ledger(platform) == [("outage", 10, 2), ("outage", 1380, 120)]
    assert len(open_times(platform)) == 2 * 1440 + 720 - 122
    assert verify_symbol(platform, "BTCUSDT", Window.of_days(_FIRST, TODAY)).differences == ()


def test_a_gap_over_midnight_is_one_gap_if_its_days_are_ingested_separately(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    over_midnight = _START + DAY_MS - HOUR_MS
    faults = [outage(over_midnight, over_midnight + 2 * HOUR_MS)]
    platform = build_platform(simulated_exchange(now=NOON, faults=faults))
    run_ingest(platform, first=date(2025, 3, 5), last=date(2025, 3, 5))
    run_ingest(platform, first=_FIRST, last=_FIRST)
    assert ledger(platform) == [("outage", 1380, 120)]


def test_a_gap_over_midnight_keeps_its_second_half_when_the_first_is_loaded(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """Yesterday's archive has yesterday's minutes; today's are still missing."""
    yesterday = date(2025, 3, 5)
    start = TODAY_MS - HOUR_MS
    faults = [
        outage(start, start + 2 * HOUR_MS, **{"in": "rest"}),
        {"do": "archive", "how": "missing", "day": str(yesterday), "until": format_utc(NOON + 1)},
    ]
    server = simulated_exchange(now=NOON, faults=faults)
    platform = build_platform(server)
    run_ingest(platform, first=yesterday)
    assert [found[1:] for found in ledger(platform)] == [(2 * 1440 - 60, 120)]
    server.clock.advance(HOUR_MS)
    run_ingest(platform, first=yesterday, last=yesterday)
    assert [found[1:] for found in ledger(platform)] == [(2 * 1440, 60)]


def test_gaps_before_the_listing_and_after_the_delisting_are_classified(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    faults = [
        {"do": "list", "symbol": "BTCUSDT", "at": format_utc(_START + 5 * HOUR_MS)},
        {"do": "delist", "symbol": "BTCUSDT", "at": format_utc(TODAY_MS + 2 * HOUR_MS)},
    ]
    platform = build_platform(simulated_exchange(now=NOON, faults=faults))
    outcomes = run_ingest(platform, first=_FIRST)
    assert not [outcome for outcome in outcomes if outcome.error]
    assert ledger(platform) == [
        ("not_listed", 0, 300),
        ("delisted", 2 * 1440 + 120, 600),
    ]


def test_a_candle_that_arrives_later_closes_its_gap(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """REST lacks some minutes for a day; the archive, published next morning, has them."""
    start = TODAY_MS + 3 * HOUR_MS
    missing = outage(
        start, start + 5 * MINUTE_MS, **{"in": "rest", "until": format_utc(NOON + DAY_MS // 2)}
    )
    server = simulated_exchange(now=NOON, faults=[missing])
    platform = build_platform(server)
    run_ingest(platform)
    assert [kind for kind, _, _ in ledger(platform)] == ["outage"]
    server.clock.advance(DAY_MS)
    run_ingest(platform)
    assert ledger(platform) == []
    assert [
        gap.closed_at is not None for gap in platform.warehouse.gap_ledger.list_gaps(closed=True)
    ] == [True]
    assert len(open_times(platform)) == 1440


def test_a_long_gap_is_fetched_from_its_first_candle_on(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """More of it was before the listing than one attempt fetches."""
    listed = _START + 5 * HOUR_MS
    faults = [{"do": "list", "symbol": "BTCUSDT", "at": format_utc(listed)}]
    platform = build_platform(simulated_exchange(now=NOON, faults=faults))
    window = Window.of_days(date(2025, 2, 10), date(2025, 3, 5))
    record_gaps(platform, "BTCUSDT", window, platform.closed_before())
    assert make_pipeline(platform, window).resolve_gaps(window).errors == {}
    assert ledger(platform) == [("not_listed", -22 * 1440, 22 * 1440 + 300)]
    assert open_times(platform) == list(range(listed, TODAY_MS, MINUTE_MS))


@pytest.mark.parametrize("minute", [0, 600, 1430])
def test_a_gap_at_any_time_of_its_day_waits_for_the_days_archive(
    minute: int, simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """No object of the day covers its first or last minutes."""
    yesterday = date(2025, 3, 5)
    start = TODAY_MS - DAY_MS + minute * MINUTE_MS
    faults = [
        outage(start, start + 10 * MINUTE_MS),
        {"do": "archive", "how": "missing", "day": str(yesterday), "until": format_utc(NOON + 1)},
    ]
    server = simulated_exchange(now=NOON, faults=faults)
    platform = build_platform(server)
    run_ingest(platform, first=_FIRST)
    assert ledger(platform) == [("archive_late", 1440 + minute, 10)]
    server.clock.advance(HOUR_MS)
    run_ingest(platform, first=yesterday, last=yesterday)
    (gap,) = platform.warehouse.gap_ledger.list_gaps()
    assert gap.gap_class == "outage"
    assert gap.evidence.endswith("nor does the archive")


def test_the_evidence_omits_an_archive_that_was_not_read(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """Today has none yet."""
    start = TODAY_MS + 3 * HOUR_MS
    faults = [outage(start, start + 5 * MINUTE_MS)]
    platform = build_platform(simulated_exchange(now=NOON, faults=faults))
    run_ingest(platform)
    (gap,) = platform.warehouse.gap_ledger.list_gaps()
    assert gap.gap_class == "outage"
    assert "archive" not in gap.evidence


def test_a_fresh_gap_stays_open(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """Minutes that have been missing only briefly may still arrive."""
    start = TODAY_MS + 12 * HOUR_MS - 5 * MINUTE_MS
    server = simulated_exchange(now=NOON, faults=[outage(start, start + 3 * MINUTE_MS)])
    platform = build_platform(server)
    run_ingest(platform)
    assert [kind for kind, _, _ in ledger(platform)] == ["open"]
    server.clock.advance(20 * MINUTE_MS)
    run_ingest(platform)
    assert [kind for kind, _, _ in ledger(platform)] == ["outage"]


def test_rest_completes_a_short_archive(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    faults = [{"do": "archive", "how": "short", "day": str(_FIRST)}]
    platform = build_platform(simulated_exchange(now=NOON, faults=faults))
    outcomes = run_ingest(platform, first=_FIRST, last=_FIRST)
    assert len(open_times(platform)) == 1440
    assert ledger(platform) == []
    assert "archive lacks" in str(outcomes[0].details["note"])


def test_a_day_that_the_exchange_refuses_fails_without_other_days(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    first, refused, last = date(2025, 3, 1), date(2025, 3, 3), date(2025, 3, 5)
    server = simulated_exchange(now=NOON)
    platform = build_platform(server)
    server.faults.add_rule({"do": "archive", "how": "missing", "day": str(refused)})
    server.faults.add_rule({"do": "status", "status": 451, "day": str(refused)})
    failed = {
        (one.stage, one.day) for one in run_ingest(platform, first=first, last=last) if one.error
    }
    assert failed == {(stage, refused) for stage in KlinesStage}
    assert len(open_times(platform)) == 4 * 1440
    server.faults.clear_rules()
    assert not [one for one in run_ingest(platform, first=refused, last=refused) if one.error]
    assert len(open_times(platform)) == 5 * 1440


def load_days_around_a_gap(platform: PipelineContext) -> None:
    """3 and 6 March: the ledger has the two days between as one open gap."""
    for day in (date(2025, 3, 3), TODAY):
        run_ingest(platform, first=day, last=day)
    assert ledger(platform) == [("open", 0, 2 * 1440)]
    assert (len(open_times(platform)), count_daily_candles(platform)) == (2160, 1)


def count_daily_candles(platform: PipelineContext) -> int:
    candles = platform.warehouse.aggregates.read_candles
    return candles("BTCUSDT", Interval.D1, Window(0, 2**53)).num_rows


def list_raw_days(platform: PipelineContext) -> set[str]:
    return {entry.key.split("/")[0] for entry in platform.raw_lake.list_entries()}


@pytest.mark.parametrize(
    ("stages", "facts", "days"),
    [
        ({KlinesStage.RAW}, 2160, 1),
        ({KlinesStage.RAW, KlinesStage.HOURS}, 2160, 1),
        ({KlinesStage.RAW, KlinesStage.FACTS}, 3600, 1),
        (set(KlinesStage), 3600, 2),
    ],
)
def test_stages_of_a_day_beside_a_gap_change_no_other_day_and_no_other_stage(
    stages: set[KlinesStage],
    facts: int,
    days: int,
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
) -> None:
    platform = build_platform(simulated_exchange(now=NOON))
    load_days_around_a_gap(platform)
    day = date(2025, 3, 5)
    (outcomes,) = make_pipeline(platform, Window.of_day(day), stages).ingest_days()
    assert {(one.stage, one.day) for one in outcomes} == {(stage, day) for stage in stages}
    assert (len(open_times(platform)), count_daily_candles(platform)) == (facts, days)
    assert list_raw_days(platform) == {"2025-03-03", "2025-03-05", "2025-03-06"}


def test_resolving_gaps_keeps_to_the_window_and_leaves_the_rest_open(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = build_platform(simulated_exchange(now=NOON))
    load_days_around_a_gap(platform)
    window = Window.of_day(date(2025, 3, 5))
    resolved = make_pipeline(platform, window).resolve_gaps(window)
    assert (set(resolved.stored), resolved.errors) == ({date(2025, 3, 5)}, {})
    assert resolved.rows == {date(2025, 3, 5): 1440}
    assert ledger(platform) == [("open", 0, 1440)]
    assert (len(open_times(platform)), count_daily_candles(platform)) == (3600, 2)


def test_a_day_whose_gap_rest_fills_reports_all_its_objects(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """Neither source had some minutes when the day was fetched; REST has them a moment later."""
    day = date(2025, 3, 5)
    start = TODAY_MS - 5 * HOUR_MS
    hidden = outage(start, start + 10 * MINUTE_MS)
    server = simulated_exchange(now=NOON, faults=[hidden])
    platform = build_platform(server)
    pipeline = make_pipeline(platform, Window.of_day(day))
    (stored,) = store_days(platform, "BTCUSDT", [day], pipeline.closed_before_ms, pipeline.pool)
    stored_day = stored.result()
    server.faults.clear_rules()
    outcomes = pipeline.load_stored_days([day], [stored_day], resolve=True)
    rows = {one.stage: one.rows for one in outcomes}
    assert rows == {
        KlinesStage.RAW: 1440,
        KlinesStage.FACTS: 1440,
        KlinesStage.HOURS: 24,
        KlinesStage.DAYS: 1,
    }
