"""A symbol that the exchange lists no longer: its end is recorded, then nothing is asked."""

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
from crypto_assets.pipeline.alerting.stale_symbols import find_stale_symbols
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
    """Yesterday and half of today of both."""
    built = build_platform(server, STAYS, GONE)
    run_ingest(built, STAYS, GONE, first=YESTERDAY)
    return built


def vanish(server: ExchangeServer) -> None:
    """The exchange forgets the symbol, and its archive too."""
    server.faults.add_rule({"do": "list", "symbol": GONE, "at": format_utc(NOON + 1000 * DAY_MS)})


def forbid_questions(server: ExchangeServer) -> None:
    """From now on a request that names the symbol fails whoever makes it, whatever it is for."""
    server.faults.add_rule({"do": "status", "status": 451, "symbol": GONE})


def ledger(platform: PipelineContext) -> list[tuple[str, int, int]]:
    """(class, start, end) of the symbol that is gone."""
    found = platform.warehouse.gap_ledger.list_gaps(GONE)
    return [(gap.gap_class.value, gap.start, gap.end + MINUTE_MS) for gap in found]


def status(platform: PipelineContext) -> SymbolStatus:
    return platform.warehouse.symbols.get_symbol(GONE).status


def test_the_tick_that_learns_of_it_is_green_and_the_next_does_not_ask(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    vanish(server)
    server.clock.advance(HOUR_MS)
    outcomes = run_ingest(platform, STAYS, GONE, tail=True)
    assert not [one for one in outcomes if one.error]
    assert {one.symbol for one in outcomes} == {STAYS}
    assert status(platform) is SymbolStatus.DELISTED
    closed = platform.closed_before() // MINUTE_MS * MINUTE_MS
    assert ledger(platform) == [("delisted", LAST + MINUTE_MS, closed)]
    (gap,) = platform.warehouse.gap_ledger.list_gaps(GONE)
    assert "list did not have ETHUSDT" in gap.evidence

    forbid_questions(server)
    server.clock.advance(HOUR_MS)
    assert tick_plan.plan_ingest_tick(platform, from_epoch_ms(server.clock.now_ms())).symbols == (
        STAYS,
    )
    assert {one.symbol for one in run_ingest(platform, STAYS, GONE, tail=True)} == {STAYS}
    assert list_due_gaps(platform) == []
    assert find_stale_symbols(platform) == []


def test_nothing_is_asked_by_anything_that_runs_by_itself(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    """All is green from the first tick on, and quiet once the archive of its last day was due."""
    server.clock.advance(DAY_MS)
    run_ingest(platform, STAYS, GONE, first=TODAY, last=TOMORROW)
    vanish(server)
    server.clock.advance(HOUR_MS)
    run_ingest(platform, STAYS, GONE, first=TODAY, tail=True)
    for number in range(4):
        server.clock.set_time(TODAY_MS + (2 + number) * DAY_MS + HOUR_MS)
        if number == 2:
            forbid_questions(server)
        refresh_statuses(platform)
        assert status(platform) is SymbolStatus.DELISTED
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
        for errand in (IngestMode.TAIL, IngestMode.CLOSING, IngestMode.GAPS):
            outcomes = run_ingest(platform, GONE, first=TODAY, last=today, mode=errand)
            assert not [one.error for one in outcomes if one.error]
        assert GONE not in tick_plan.list_lagging_symbols(platform)
        assert [one for one in tick_plan.list_missing_days(platform) if one.symbol == GONE] == []
        assert {kind for kind, _, _ in ledger(platform)} == {"delisted"}


def test_a_backfill_over_its_past_and_beyond_its_end_is_green(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    vanish(server)
    server.clock.advance(3 * DAY_MS)
    for _ in range(2):
        outcomes = run_ingest(platform, GONE, first=YESTERDAY, last=TODAY + timedelta(days=3))
        assert not [one for one in outcomes if one.error]
        assert len({one.day for one in outcomes}) == 5
    assert len(open_times(platform, GONE)) == 1440 + 720
    closed = platform.closed_before() // MINUTE_MS * MINUTE_MS
    assert ledger(platform) == [("delisted", LAST + MINUTE_MS, closed)]
    forbid_questions(server)
    server.clock.advance(3 * DAY_MS)
    assert tick_plan.list_lagging_symbols(platform) == {STAYS: TODAY}
    outcomes = run_ingest(platform, GONE, first=TOMORROW, last=TODAY + timedelta(days=6))
    assert not [one for one in outcomes if one.error], "beyond its end the archive is not asked"
    closed = platform.closed_before() // MINUTE_MS * MINUTE_MS
    assert ledger(platform) == [("delisted", LAST + MINUTE_MS, closed)]


def test_holes_of_its_past_are_explained_without_asking(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    vanish(server)
    hole = Window(TODAY_MS + HOUR_MS, TODAY_MS + 2 * HOUR_MS)
    delete_minutes(platform.warehouse, GONE, hole)
    record_gaps(platform, GONE, hole, platform.closed_before())
    server.clock.advance(2 * DAY_MS)
    outcomes = run_ingest(platform, GONE, first=TODAY, last=TODAY, mode=IngestMode.GAPS)
    assert not [one for one in outcomes if one.error]
    assert ledger(platform)[0] == ("outage", hole.start_ms, hole.end_ms)
    assert list_due_gaps(platform) == []


def test_days_before_its_first_candle_are_explained(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    vanish(server)
    before = YESTERDAY - timedelta(days=2)
    outcomes = run_ingest(platform, GONE, first=before, last=before)
    assert not [one for one in outcomes if one.error]
    assert {kind for kind, _, _ in ledger(platform)} == {"not_listed"}


def test_verify_and_the_checks_of_its_days_are_green(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    vanish(server)
    server.clock.advance(3 * DAY_MS)
    window = Window.of_days(YESTERDAY, TODAY)
    found = verify_symbol(platform, GONE, window)
    assert (found.passed, found.compared, found.minutes) == (True, 0, 1440 + 720)
    assert status(platform) is SymbolStatus.DELISTED
    run_ingest(platform, GONE, first=YESTERDAY, last=TOMORROW)
    forbid_questions(server)
    for day in (YESTERDAY, TODAY, TOMORROW):
        for check in run_day_checks(platform, GONE, Window.of_day(day)):
            assert check.passed, check.summary


def test_its_last_archive_is_read_when_it_appears(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """The minutes between the last tick and the end."""
    end = TODAY_MS + 12 * HOUR_MS + 30 * MINUTE_MS
    server = simulated_exchange(now=NOON)
    server.faults.add_rule({"do": "delist", "symbol": GONE, "at": format_utc(end)})
    platform = build_platform(server, STAYS, GONE)
    run_ingest(platform, STAYS, GONE)
    server.clock.set_time(end + HOUR_MS)
    gone = {"do": "status", "status": 451, "symbol": GONE, "path": "/api/v3/*"}
    server.faults.add_rule({"do": "list", "symbol": GONE, "at": format_utc(TODAY_MS + DAY_MS)})
    run_ingest(platform, STAYS, GONE, tail=True)
    assert status(platform) is SymbolStatus.DELISTED
    server.faults.clear_rules()
    server.faults.add_rule({"do": "delist", "symbol": GONE, "at": format_utc(end)})
    server.faults.add_rule(gone)
    server.clock.set_time(TODAY_MS + DAY_MS + 9 * HOUR_MS)
    run_ingest(platform, STAYS, first=TODAY, last=TODAY)
    outcomes = run_ingest(platform, STAYS, GONE, mode=IngestMode.CLOSING)
    assert not [one.error for one in outcomes if one.error]
    assert max(open_times(platform, GONE)) == end - MINUTE_MS
    assert ledger(platform)[-1][:2] == ("delisted", end)


def test_one_that_comes_back_to_the_list_is_followed_again(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    vanish(server)
    server.clock.advance(HOUR_MS)
    run_ingest(platform, STAYS, GONE, tail=True)
    server.clock.advance(HOUR_MS)
    server.faults.clear_rules()
    assert tick_plan.list_current_symbols(platform, platform.exchange_now()).keys() == {STAYS}
    refresh_statuses(platform)
    assert status(platform) is SymbolStatus.TRADING
    assert tick_plan.list_current_symbols(platform, platform.exchange_now()).keys() == {STAYS, GONE}
    run_ingest(platform, STAYS, GONE, tail=True)
    assert ledger(platform) == []
    assert len(open_times(platform, GONE)) == 1440 + 14 * 60


def test_a_backfill_finds_that_it_is_listed_again(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    vanish(server)
    server.clock.advance(HOUR_MS)
    run_ingest(platform, STAYS, GONE, tail=True)
    server.faults.clear_rules()
    run_ingest(platform, GONE)
    assert status(platform) is SymbolStatus.TRADING
    assert ledger(platform) == []


def test_a_symbol_that_trades_again_after_a_halt_is_noticed_by_its_candles(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    """The closing that asks for statuses may be hours away."""
    halted = {"do": "delist", "symbol": GONE, "at": format_utc(NOON)}
    server.faults.add_rule(halted)
    server.clock.advance(HOUR_MS)
    refresh_statuses(platform)
    assert status(platform) is SymbolStatus.BREAK
    server.faults.clear_rules()
    run_ingest(platform, GONE, tail=True)
    assert status(platform) is SymbolStatus.TRADING


def test_its_days_are_known_to_be_over(server: ExchangeServer, platform: PipelineContext) -> None:
    """So that no calendar calls them missing."""
    vanish(server)
    server.clock.set_time(TODAY_MS + 3 * DAY_MS + HOUR_MS)
    run_ingest(platform, GONE, first=TODAY, last=TODAY + timedelta(days=3))
    server.clock.advance(5 * DAY_MS)
    outcomes = run_ingest(
        platform, GONE, first=date(2025, 3, 13), last=date(2025, 3, 13), mode=IngestMode.CLOSING
    )
    assert outcomes == []
    assert ledger(platform) == [("delisted", LAST + MINUTE_MS, TODAY_MS + 8 * DAY_MS)]
