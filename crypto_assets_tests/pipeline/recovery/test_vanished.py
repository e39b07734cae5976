"""A symbol that the exchange no longer lists: its end is recorded, then requests stop."""

from datetime import date, timedelta

import pytest

from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    format_utc,
    from_epoch_ms,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import record_gaps
from crypto_assets.pipeline.ingestion import tick_plan
from crypto_assets.pipeline.ingestion.close_day import list_due_days
from crypto_assets.pipeline.ingestion.gap_retry import list_due_gaps
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.reconciliation.asset_checks import run_day_checks
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets.pipeline.stages.symbol_status import refresh_statuses
from crypto_assets_tests.pipeline.conftest import (
    TODAY,
    TODAY_MS,
    BuildPlatform,
    list_stale_names,
    open_times,
    run_ingest,
)
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange
from crypto_assets_tests.warehouse.stored_minutes import delete_minutes

GONE = "ETHUSDT"
STAYS = "BTCUSDT"
YESTERDAY = TODAY - timedelta(days=1)
TOMORROW = TODAY + timedelta(days=1)
LATER = TODAY + timedelta(days=2)
LAST = NOON // MINUTE_MS * MINUTE_MS - MINUTE_MS


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange(now=NOON)


@pytest.fixture
def platform(server: ExchangeServer, build_platform: BuildPlatform) -> PipelineContext:
    """Yesterday and half of today of both symbols."""
    built = build_platform(server, STAYS, GONE)
    run_ingest(built, STAYS, GONE, first=YESTERDAY)
    return built


def remove_from_list(server: ExchangeServer) -> None:
    """Remove the symbol from the exchange's list and from its archive."""
    server.faults.add_rule({"do": "list", "symbol": GONE, "at": format_utc(NOON + 1000 * DAY_MS)})


def forbid_requests(server: ExchangeServer) -> None:
    """Make every later request for the symbol fail."""
    server.faults.add_rule({"do": "status", "status": 451, "symbol": GONE})


def list_gaps_of_gone(platform: PipelineContext) -> list[tuple[str, int, int]]:
    """Return (class, start, end) of the gaps of the delisted symbol."""
    found = platform.warehouse.gap_ledger.list_gaps(GONE)
    return [(gap.gap_class.value, gap.start, gap.end + MINUTE_MS) for gap in found]


def get_gone_status(platform: PipelineContext) -> SymbolStatus:
    return platform.warehouse.symbols.get_symbol(GONE).status


def test_the_first_tick_passes_and_the_next_makes_no_request(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    remove_from_list(server)
    server.clock.advance(HOUR_MS)
    outcomes = run_ingest(platform, STAYS, GONE, tail=True)
    assert not [one for one in outcomes if one.error]
    assert {one.symbol for one in outcomes} == {STAYS}
    assert get_gone_status(platform) is SymbolStatus.DELISTED
    closed = platform.closed_before() // MINUTE_MS * MINUTE_MS
    assert list_gaps_of_gone(platform) == [("delisted", LAST + MINUTE_MS, closed)]
    (gap,) = platform.warehouse.gap_ledger.list_gaps(GONE)
    assert "the exchange did not list ETHUSDT" in gap.evidence

    forbid_requests(server)
    server.clock.advance(HOUR_MS)
    assert tick_plan.plan_ingest_tick(platform, from_epoch_ms(server.clock.now_ms())).symbols == (
        STAYS,
    )
    assert {one.symbol for one in run_ingest(platform, STAYS, GONE, tail=True)} == {STAYS}
    assert list_due_gaps(platform) == []
    assert list_stale_names(platform) == []


def test_no_automation_requests_the_symbol(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    """Every run passes, and requests end once the archive of its last day was due."""
    server.clock.advance(DAY_MS)
    run_ingest(platform, STAYS, GONE, first=TODAY, last=TOMORROW)
    remove_from_list(server)
    server.clock.advance(HOUR_MS)
    run_ingest(platform, STAYS, GONE, first=TODAY, tail=True)
    for number in range(4):
        server.clock.set_time(TODAY_MS + (2 + number) * DAY_MS + HOUR_MS)
        if number == 2:
            forbid_requests(server)
        refresh_statuses(platform)
        assert get_gone_status(platform) is SymbolStatus.DELISTED
        today = TODAY + timedelta(days=2 + number)
        assert (
            GONE
            not in tick_plan.plan_ingest_tick(
                platform, from_epoch_ms(server.clock.now_ms())
            ).symbols
        )
        assert tick_plan.plan_order_book_tick(
            platform, from_epoch_ms(server.clock.now_ms())
        ).symbols == (STAYS,)
        assert list_due_days(platform)
        for mode in (IngestMode.TAIL, IngestMode.CLOSING, IngestMode.GAPS):
            outcomes = run_ingest(platform, GONE, first=TODAY, last=today, mode=mode)
            assert not [one.error for one in outcomes if one.error]
        assert GONE not in tick_plan.list_lagging_symbols(platform)
        assert [one for one in tick_plan.list_missing_days(platform) if one.symbol == GONE] == []
        assert {kind for kind, _, _ in list_gaps_of_gone(platform)} == {"delisted"}


def test_a_backfill_over_its_past_and_beyond_its_end_passes(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    remove_from_list(server)
    server.clock.advance(3 * DAY_MS)
    for _ in range(2):
        outcomes = run_ingest(platform, GONE, first=YESTERDAY, last=TODAY + timedelta(days=3))
        assert not [one for one in outcomes if one.error]
        assert len({one.day for one in outcomes}) == 5
    assert len(open_times(platform, GONE)) == 1440 + 720
    closed = platform.closed_before() // MINUTE_MS * MINUTE_MS
    assert list_gaps_of_gone(platform) == [("delisted", LAST + MINUTE_MS, closed)]
    forbid_requests(server)
    server.clock.advance(3 * DAY_MS)
    assert tick_plan.list_lagging_symbols(platform) == {STAYS: TODAY}
    outcomes = run_ingest(platform, GONE, first=TOMORROW, last=TODAY + timedelta(days=6))
    assert not [one for one in outcomes if one.error], "no request to the archive beyond its end"
    closed = platform.closed_before() // MINUTE_MS * MINUTE_MS
    assert list_gaps_of_gone(platform) == [("delisted", LAST + MINUTE_MS, closed)]


def test_gaps_of_its_past_are_explained_without_a_request(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    remove_from_list(server)
    hole = Window(TODAY_MS + HOUR_MS, TODAY_MS + 2 * HOUR_MS)
    delete_minutes(platform.warehouse, GONE, hole)
    record_gaps(platform, GONE, hole, platform.closed_before())
    server.clock.advance(2 * DAY_MS)
    outcomes = run_ingest(platform, GONE, first=TODAY, last=TODAY, mode=IngestMode.GAPS)
    assert not [one for one in outcomes if one.error]
    assert list_gaps_of_gone(platform)[0] == ("outage", hole.start_ms, hole.end_ms)
    assert list_due_gaps(platform) == []


def test_days_before_its_first_candle_are_explained(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    remove_from_list(server)
    before = YESTERDAY - timedelta(days=2)
    outcomes = run_ingest(platform, GONE, first=before, last=before)
    assert not [one for one in outcomes if one.error]
    assert {kind for kind, _, _ in list_gaps_of_gone(platform)} == {"not_listed"}


def test_verify_and_the_checks_of_its_days_pass(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    remove_from_list(server)
    server.clock.advance(3 * DAY_MS)
    window = Window.of_days(YESTERDAY, TODAY)
    found = verify_symbol(platform, GONE, window)
    assert (found.passed, found.compared, found.minutes) == (True, 0, 1440 + 720)
    assert get_gone_status(platform) is SymbolStatus.DELISTED
    run_ingest(platform, GONE, first=YESTERDAY, last=TOMORROW)
    forbid_requests(server)
    for day in (YESTERDAY, TODAY, TOMORROW):
        for check in run_day_checks(platform, GONE, Window.of_day(day)):
            assert check.passed, check.summary


def test_its_last_archive_file_is_fetched_when_it_appears(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """It has the minutes between the last tick and the end."""
    end = TODAY_MS + 12 * HOUR_MS + 30 * MINUTE_MS
    server = simulated_exchange(now=NOON)
    server.faults.add_rule({"do": "delist", "symbol": GONE, "at": format_utc(end)})
    platform = build_platform(server, STAYS, GONE)
    run_ingest(platform, STAYS, GONE)
    server.clock.set_time(end + HOUR_MS)
    gone = {"do": "status", "status": 451, "symbol": GONE, "path": "/api/v3/*"}
    server.faults.add_rule({"do": "list", "symbol": GONE, "at": format_utc(TODAY_MS + DAY_MS)})
    run_ingest(platform, STAYS, GONE, tail=True)
    assert get_gone_status(platform) is SymbolStatus.DELISTED
    server.faults.clear_rules()
    server.faults.add_rule({"do": "delist", "symbol": GONE, "at": format_utc(end)})
    server.faults.add_rule(gone)
    server.clock.set_time(TODAY_MS + DAY_MS + 9 * HOUR_MS)
    run_ingest(platform, STAYS, first=TODAY, last=TODAY)
    outcomes = run_ingest(platform, STAYS, GONE, mode=IngestMode.CLOSING)
    assert not [one.error for one in outcomes if one.error]
    assert max(open_times(platform, GONE)) == end - MINUTE_MS
    assert list_gaps_of_gone(platform)[-1][:2] == ("delisted", end)


def test_a_symbol_that_is_listed_again_is_ingested_again(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    remove_from_list(server)
    server.clock.advance(HOUR_MS)
    run_ingest(platform, STAYS, GONE, tail=True)
    server.clock.advance(HOUR_MS)
    server.faults.clear_rules()
    assert tick_plan.list_current_symbols(platform, platform.exchange_now()).keys() == {STAYS}
    refresh_statuses(platform)
    assert get_gone_status(platform) is SymbolStatus.TRADING
    assert tick_plan.list_current_symbols(platform, platform.exchange_now()).keys() == {STAYS, GONE}
    run_ingest(platform, STAYS, GONE, tail=True)
    assert list_gaps_of_gone(platform) == []
    assert len(open_times(platform, GONE)) == 1440 + 14 * 60


def test_a_backfill_detects_that_it_is_listed_again(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    remove_from_list(server)
    server.clock.advance(HOUR_MS)
    run_ingest(platform, STAYS, GONE, tail=True)
    server.faults.clear_rules()
    run_ingest(platform, GONE)
    assert get_gone_status(platform) is SymbolStatus.TRADING
    assert list_gaps_of_gone(platform) == []


def test_new_candles_end_the_status_of_a_halted_symbol(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    """The next refresh of the statuses may be hours away."""
    halted = {"do": "delist", "symbol": GONE, "at": format_utc(NOON)}
    server.faults.add_rule(halted)
    server.clock.advance(HOUR_MS)
    refresh_statuses(platform)
    assert get_gone_status(platform) is SymbolStatus.BREAK
    server.faults.clear_rules()
    run_ingest(platform, GONE, tail=True)
    assert get_gone_status(platform) is SymbolStatus.TRADING


def test_its_later_days_are_recorded_as_delisted(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    """Otherwise the coverage calendar would show them as missing."""
    remove_from_list(server)
    server.clock.set_time(TODAY_MS + 3 * DAY_MS + HOUR_MS)
    run_ingest(platform, GONE, first=TODAY, last=TODAY + timedelta(days=3))
    server.clock.advance(5 * DAY_MS)
    outcomes = run_ingest(
        platform, GONE, first=date(2025, 3, 13), last=date(2025, 3, 13), mode=IngestMode.CLOSING
    )
    assert outcomes == []
    assert list_gaps_of_gone(platform) == [("delisted", LAST + MINUTE_MS, TODAY_MS + 8 * DAY_MS)]
