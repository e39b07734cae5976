"""What the exchange never published is found, explained, and never filled in."""

from datetime import date

import pytest

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, format_utc
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import record_gaps, resolve_gaps
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets_tests.pipeline.conftest import TODAY, TODAY_MS, BuildPlatform, bring, open_times
from crypto_assets_tests.services.exchange import NOON, StartExchange

_FIRST = date(2025, 3, 4)
_START = TODAY_MS - 2 * DAY_MS


def ledger(platform: PipelineContext, *, closed: bool = False) -> list[tuple[str, int, int]]:
    """(class, first missing minute, minutes), counted from the start of 2025-03-04."""
    return [
        (gap.gap_class.value, (gap.start - _START) // MINUTE_MS, gap.minutes)
        for gap in platform.warehouse.gap_ledger.list_gaps(closed=closed)
    ]


def outage(start: int, end: int, **more: object) -> dict[str, object]:
    return {"do": "outage", "start": format_utc(start), "end": format_utc(end), **more}


def test_no_hole_no_gap(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> None:
    platform = build_platform(simulated_exchange(now=NOON))
    bring(platform, first=_FIRST)
    assert ledger(platform) == []


def test_outages_are_explained_and_the_day_is_built_from_what_exists(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    over_midnight = _START + DAY_MS - HOUR_MS
    faults = [
        outage(_START + 10 * MINUTE_MS, _START + 12 * MINUTE_MS),
        outage(over_midnight, over_midnight + 2 * HOUR_MS),
    ]
    platform = build_platform(simulated_exchange(now=NOON, faults=faults))
    bring(platform, first=_FIRST)
    assert ledger(platform) == [("outage", 10, 2), ("outage", 1380, 120)]
    assert len(open_times(platform)) == 2 * 1440 + 720 - 122
    assert verify_symbol(platform, "BTCUSDT", Window.of_days(_FIRST, TODAY)).differences == ()


def test_a_gap_over_midnight_is_one_gap_even_if_its_days_come_one_by_one(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    over_midnight = _START + DAY_MS - HOUR_MS
    faults = [outage(over_midnight, over_midnight + 2 * HOUR_MS)]
    platform = build_platform(simulated_exchange(now=NOON, faults=faults))
    bring(platform, first=date(2025, 3, 5), last=date(2025, 3, 5))
    bring(platform, first=_FIRST, last=_FIRST)
    assert ledger(platform) == [("outage", 1380, 120)]


def test_of_a_gap_over_midnight_whose_first_half_comes_the_other_stays(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """Yesterday's archive brings yesterday's minutes; today's are as missing as before."""
    yesterday = date(2025, 3, 5)
    start = TODAY_MS - HOUR_MS
    faults = [
        outage(start, start + 2 * HOUR_MS, **{"in": "rest"}),
        {"do": "archive", "how": "missing", "day": str(yesterday), "until": format_utc(NOON + 1)},
    ]
    server = simulated_exchange(now=NOON, faults=faults)
    platform = build_platform(server)
    bring(platform, first=yesterday)
    assert [found[1:] for found in ledger(platform)] == [(2 * 1440 - 60, 120)]
    server.clock.advance(HOUR_MS)
    bring(platform, first=yesterday, last=yesterday)
    assert [found[1:] for found in ledger(platform)] == [(2 * 1440, 60)]


def test_before_the_listing_and_after_the_delisting(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    faults = [
        {"do": "list", "symbol": "BTCUSDT", "at": format_utc(_START + 5 * HOUR_MS)},
        {"do": "delist", "symbol": "BTCUSDT", "at": format_utc(TODAY_MS + 2 * HOUR_MS)},
    ]
    platform = build_platform(simulated_exchange(now=NOON, faults=faults))
    outcomes = bring(platform, first=_FIRST)
    assert not [outcome for outcome in outcomes if outcome.error]
    assert ledger(platform) == [
        ("not_listed", 0, 300),
        ("delisted", 2 * 1440 + 120, 600),
    ]


def test_a_candle_that_comes_after_all_closes_its_gap(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """REST lacks some minutes for a day; the archive, published next morning, has them."""
    start = TODAY_MS + 3 * HOUR_MS
    missing = outage(
        start, start + 5 * MINUTE_MS, **{"in": "rest", "until": format_utc(NOON + DAY_MS // 2)}
    )
    server = simulated_exchange(now=NOON, faults=[missing])
    platform = build_platform(server)
    bring(platform)
    assert [kind for kind, _, _ in ledger(platform)] == ["outage"]
    server.clock.advance(DAY_MS)
    bring(platform)
    assert ledger(platform) == []
    assert [
        gap.closed_at is not None for gap in platform.warehouse.gap_ledger.list_gaps(closed=True)
    ] == [True]
    assert len(open_times(platform)) == 1440


def test_a_long_gap_is_mended_from_its_first_candle_on(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """More of it was before the listing than is fetched at once."""
    listed = _START + 5 * HOUR_MS
    faults = [{"do": "list", "symbol": "BTCUSDT", "at": format_utc(listed)}]
    platform = build_platform(simulated_exchange(now=NOON, faults=faults))
    window = Window.of_days(date(2025, 2, 10), date(2025, 3, 5))
    closed = platform.closed_before()
    record_gaps(platform, "BTCUSDT", window, closed)
    assert resolve_gaps(platform, "BTCUSDT", window, closed) == {}
    assert ledger(platform) == [("not_listed", -22 * 1440, 22 * 1440 + 300)]
    assert open_times(platform) == list(range(listed, TODAY_MS, MINUTE_MS))


@pytest.mark.parametrize("minute", [0, 600, 1430])
def test_a_gap_waits_for_its_days_archive_at_the_days_edges_too(
    minute: int, simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """No object of the day reaches to its first minutes, or its last."""
    yesterday = date(2025, 3, 5)
    start = TODAY_MS - DAY_MS + minute * MINUTE_MS
    faults = [
        outage(start, start + 10 * MINUTE_MS),
        {"do": "archive", "how": "missing", "day": str(yesterday), "until": format_utc(NOON + 1)},
    ]
    server = simulated_exchange(now=NOON, faults=faults)
    platform = build_platform(server)
    bring(platform, first=_FIRST)
    assert ledger(platform) == [("archive_late", 1440 + minute, 10)]
    server.clock.advance(HOUR_MS)
    bring(platform, first=yesterday, last=yesterday)
    (gap,) = platform.warehouse.gap_ledger.list_gaps()
    assert gap.gap_class == "outage"
    assert gap.evidence.endswith("nor had the archive")


def test_of_an_archive_that_was_not_read_nothing_is_said(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """Today has none yet."""
    start = TODAY_MS + 3 * HOUR_MS
    faults = [outage(start, start + 5 * MINUTE_MS)]
    platform = build_platform(simulated_exchange(now=NOON, faults=faults))
    bring(platform)
    (gap,) = platform.warehouse.gap_ledger.list_gaps()
    assert gap.gap_class == "outage"
    assert "archive" not in gap.evidence


def test_a_fresh_hole_stays_open(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """What is missing for a few minutes only may still come."""
    start = TODAY_MS + 12 * HOUR_MS - 5 * MINUTE_MS
    server = simulated_exchange(now=NOON, faults=[outage(start, start + 3 * MINUTE_MS)])
    platform = build_platform(server)
    bring(platform)
    assert [kind for kind, _, _ in ledger(platform)] == ["open"]
    server.clock.advance(20 * MINUTE_MS)
    bring(platform)
    assert [kind for kind, _, _ in ledger(platform)] == ["outage"]


def test_a_short_archive_is_made_whole_by_rest(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    faults = [{"do": "archive", "how": "short", "day": str(_FIRST)}]
    platform = build_platform(simulated_exchange(now=NOON, faults=faults))
    outcomes = bring(platform, first=_FIRST, last=_FIRST)
    assert len(open_times(platform)) == 1440
    assert ledger(platform) == []
    assert "archive lacks" in str(outcomes[0].details["note"])


def test_what_the_exchange_refuses_to_answer_is_red_and_no_other_day(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    first, refused, last = date(2025, 3, 1), date(2025, 3, 3), date(2025, 3, 5)
    server = simulated_exchange(now=NOON)
    platform = build_platform(server)
    server.faults.add_rule({"do": "archive", "how": "missing", "day": str(refused)})
    server.faults.add_rule({"do": "status", "status": 451, "day": str(refused)})
    bad = {(one.stage, one.day) for one in bring(platform, first=first, last=last) if one.error}
    assert bad == {(stage, refused) for stage in KlinesStage}
    assert len(open_times(platform)) == 4 * 1440
    server.faults.clear_rules()
    assert not [one for one in bring(platform, first=refused, last=refused) if one.error]
    assert len(open_times(platform)) == 5 * 1440
