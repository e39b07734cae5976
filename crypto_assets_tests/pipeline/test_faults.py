"""Each fault, over HTTP: no wrong candle is ever stored, and in the end all are stored."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from crypto_assets.errors import ExchangeBanned
from crypto_assets.exchange import RequestRetryPolicy, open_exchange
from crypto_assets.market.candles import VALUE_COLUMNS
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window, day_of, day_start_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.ingest import IngestMode
from crypto_assets.pipeline.reconciliation.candle_comparer import CandleComparer, Difference
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets.pipeline.stages.results import DayOutcome
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform, run_ingest
from crypto_assets_tests.pipeline.faults import FAULTS, During, End, Fault
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

pytestmark = pytest.mark.slow  # half a minute in all

SYMBOL = "BTCUSDT"
FIRST = date(2025, 3, 5)
TOMORROW = TODAY + timedelta(days=1)
HASTE = RequestRetryPolicy(attempts=3, initial_delay=0.01, max_delay=0.02, max_retry_after=1.5)
# For stalls only: on a busy machine a response may be slow.
HURRY = replace(HASTE, read_timeout=2.0)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault(
    fault: Fault, simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform = build_platform(server)
    stalls = any(rule["do"] == "stall" for rule in fault.rules)
    hasty = open_exchange(server.url, server.archive_url, HURRY if stalls else HASTE)
    platform = replace(platform, exchange=hasty)

    outcomes = run_with_fault(fault, platform, server)
    assert find_wrong(platform, server) == []
    assert find_end(platform, server, outcomes) is fault.end
    assert len(platform.warehouse.quarantine.list_records()) == fault.quarantined
    assert any(fault.message in message for message in messages(outcomes))

    recover(fault, platform, server)
    assert find_wrong(platform, server) == []
    assert list_incomplete_days(platform, server) == set()
    ledger = platform.warehouse.gap_ledger.list_gaps()
    assert tuple(gap.gap_class.value for gap in ledger) == fault.ledger
    assert len(platform.warehouse.revisions.list_revisions(SYMBOL)) == fault.revisions
    found = verify_symbol(platform, SYMBOL, Window.of_days(FIRST, TODAY))
    assert (found.differences, found.lost, found.not_loaded) == ((), (), ())


def run_with_fault(
    fault: Fault, platform: PipelineContext, server: ExchangeServer
) -> list[DayOutcome]:
    """Run the ingestion in which the fault happens; returns its outcomes."""
    if fault.during is During.TICK:
        run_ingest(platform, first=FIRST)
        server.clock.advance(3 * MINUTE_MS)
    for rule in fault.rules:
        server.faults.add_rule(rule)
    if fault.during is During.TICK:
        return run_ingest(platform, tail=True)
    return run_ingest(platform, first=FIRST)


def recover(fault: Fault, platform: PipelineContext, server: ExchangeServer) -> None:
    """Run what follows once the fault has passed: the backfill again, ticks and gap retries."""
    if not fault.lasts:
        server.faults.clear_rules()
    wait_for_bans(platform)
    if fault.during is During.BACKFILL and fault.end is End.FAILED:
        assert not [outcome.error for outcome in run_ingest(platform, first=FIRST) if outcome.error]
    if fault.during is During.CLOSING:
        server.clock.set_time(day_start_ms(TOMORROW) - MINUTE_MS // 2)
        run_ingest(platform, tail=True)
        server.clock.set_time(day_start_ms(TOMORROW) + 7 * HOUR_MS + MINUTE_MS // 2)
        closed = run_ingest(platform, first=FIRST, last=TODAY, mode=IngestMode.CLOSING)
        assert not [outcome.error for outcome in closed if outcome.error]
    server.clock.advance(HOUR_MS + 20 * MINUTE_MS)
    assert not [o.error for o in run_ingest(platform, last=TOMORROW, tail=True) if o.error]
    run_ingest(platform, first=FIRST, last=TOMORROW, mode=IngestMode.GAPS)


def wait_for_bans(platform: PipelineContext) -> None:
    for _ in range(50):
        try:
            platform.exchange_now()
        except ExchangeBanned:
            time.sleep(0.05)


def find_end(
    platform: PipelineContext, server: ExchangeServer, outcomes: Sequence[DayOutcome]
) -> End:
    """How the run ended. Asserts that it reported each missing minute.

    A successful day lacks a minute only if an open gap has it, or the next tick fetches it.
    """
    failed = {outcome.day for outcome in outcomes if outcome.error}
    incomplete = list_incomplete_days(platform, server)
    if failed:
        assert incomplete <= failed
        return End.FAILED
    if not incomplete:
        return End.WHOLE
    unexplained = [
        g for g in platform.warehouse.gap_ledger.list_gaps() if not g.gap_class.is_explained
    ]
    newest = platform.warehouse.watermarks.get_watermark(SYMBOL).last_open_time or 0
    assert unexplained or newest < published(server)["open_time"][-1].as_py()
    return End.OPEN


def find_wrong(platform: PipelineContext, server: ExchangeServer) -> list[Difference]:
    """Stored candles that differ from what the exchange has published by now."""
    comparer = CandleComparer(SYMBOL, is_exact=False)
    everything = Window.of_days(FIRST, TOMORROW)
    stored = platform.warehouse.facts.read_candles(SYMBOL, everything)
    found = comparer.find_differences(Interval.M1, stored, published(server), VALUE_COLUMNS)
    return [one for one in found if one.ours is not None]


def list_incomplete_days(platform: PipelineContext, server: ExchangeServer) -> set[date]:
    """Days with a published candle that is not stored."""
    stored = platform.warehouse.facts.read_candles(SYMBOL, Window.of_days(FIRST, TOMORROW))
    times = {*stored["open_time"].to_pylist()}
    return {day_of(at) for at in published(server)["open_time"].to_pylist() if at not in times}


def published(server: ExchangeServer) -> pa.Table:
    """The closed and settled candles that the exchange has now."""
    start, now = day_start_ms(FIRST), server.clock.now_ms()
    rows = server.exchange.get_klines(SYMBOL, Interval.M1, start, now, limit=10_000)
    return rows.filter(pc.less(rows["close_time"], now - 5_000))


def messages(outcomes: Sequence[DayOutcome]) -> list[str]:
    """The errors and notes of outcomes, and an empty text."""
    return [str(outcome.error or outcome.details.get("note", "")) for outcome in outcomes] + [""]
