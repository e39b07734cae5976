"""Gap retries: each partition has one outcome, and no gap stops another."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from crypto_assets.errors import ExchangeForbidden, ExchangeUnavailable
from crypto_assets.exchange import RequestRetryPolicy, open_exchange
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import record_gaps
from crypto_assets.pipeline.ingestion.ingest import IngestMode, ingest_symbols
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets_tests.pipeline.conftest import (
    TODAY,
    TODAY_MS,
    BuildPlatform,
    make_pipeline,
    open_times,
    run_ingest,
)
from crypto_assets_tests.pipeline.tampering import tamper
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange
from crypto_assets_tests.warehouse.stored_minutes import delete_minutes

YESTERDAY = TODAY - timedelta(days=1)
BOTH = Window.of_days(YESTERDAY, TODAY)
REFUSED_ONCE = {"do": "status", "status": 451, "path": "/api/v3/klines", "nth": 1}


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange(now=NOON)


@pytest.fixture
def platform(server: ExchangeServer, build_platform: BuildPlatform) -> PipelineContext:
    """Yesterday and half of today."""
    built = build_platform(server)
    run_ingest(built, first=YESTERDAY)
    return built


def open_gaps(platform: PipelineContext, *starts: int) -> None:
    """Delete five minutes from each start, and record the gaps."""
    for start in starts:
        hole = Window(start, start + 5 * MINUTE_MS)
        delete_minutes(platform.warehouse, "BTCUSDT", hole)
    record_gaps(platform, "BTCUSDT", BOTH, platform.closed_before())
    assert len(platform.warehouse.gap_ledger.list_gaps()) == len(starts)


def test_a_day_fails_if_one_of_its_two_gaps_fails(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    open_gaps(platform, TODAY_MS + 3 * HOUR_MS, TODAY_MS + 5 * HOUR_MS)
    server.faults.add_rule(REFUSED_ONCE)
    windows = {"BTCUSDT": Window.of_day(TODAY)}
    (outcomes,) = ingest_symbols(platform, windows, set(KlinesStage), IngestMode.GAPS)
    counts = Counter(
        (one.stage, one.day, isinstance(one.error, ExchangeForbidden)) for one in outcomes
    )
    assert counts == {
        (stage, TODAY, True): 1 for stage in KlinesStage if stage is not KlinesStage.RAW
    }
    assert len(open_times(platform)) == 1440 + 720 - 5, "the other gap is filled"

    server.clock.advance(20 * MINUTE_MS)
    outcomes = run_ingest(platform, mode=IngestMode.GAPS)
    assert outcomes and not [one.error for one in outcomes if one.error]
    assert len(open_times(platform)) == 1440 + 720


def test_a_gap_that_fails_does_not_stop_another(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    open_gaps(platform, TODAY_MS - 5 * HOUR_MS, TODAY_MS + 5 * HOUR_MS)
    server.faults.add_rule(REFUSED_ONCE)
    errors = make_pipeline(platform, BOTH).resolve_gaps(BOTH).errors
    assert {day: type(error) for day, error in errors.items()} == {YESTERDAY: ExchangeForbidden}
    (left,) = platform.warehouse.gap_ledger.list_gaps()
    assert left.start == TODAY_MS - 5 * HOUR_MS


def test_an_unavailable_exchange_is_asked_for_one_gap_only(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    open_gaps(platform, TODAY_MS - 5 * HOUR_MS, TODAY_MS + 5 * HOUR_MS)
    hasty = open_exchange(server.url, server.archive_url, RequestRetryPolicy(attempts=1))
    pipeline = make_pipeline(replace(platform, exchange=hasty), BOTH)
    server.faults.add_rule({**REFUSED_ONCE, "status": 503})
    errors = pipeline.resolve_gaps(BOTH).errors
    assert {day: type(error) for day, error in errors.items()} == dict.fromkeys(
        (YESTERDAY, TODAY), ExchangeUnavailable
    )
    assert len(platform.warehouse.gap_ledger.list_gaps()) == 2


def test_while_the_exchange_is_unavailable_one_attempt_is_counted(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    hours = (2, 4, 6, 8)
    open_gaps(platform, *(TODAY_MS + hour * HOUR_MS for hour in hours))
    hasty = open_exchange(server.url, server.archive_url, RequestRetryPolicy(attempts=1))
    server.faults.add_rule({"do": "status", "status": 503, "path": "/api/v3/klines"})
    outcomes = run_ingest(replace(platform, exchange=hasty), mode=IngestMode.GAPS)
    assert {type(one.error) for one in outcomes} == {ExchangeUnavailable}
    assert [gap.attempts for gap in platform.warehouse.gap_ledger.list_gaps()] == [1, 0, 0, 0]


@pytest.mark.parametrize("missing", [KlinesStage.RAW, KlinesStage.FACTS])
def test_without_the_stages_that_fetch_and_load_no_attempt_is_counted(
    platform: PipelineContext, missing: KlinesStage
) -> None:
    open_gaps(platform, TODAY_MS + 5 * HOUR_MS)
    (before,) = platform.warehouse.gap_ledger.list_gaps()
    windows = {"BTCUSDT": Window.of_day(TODAY)}
    stages = set(KlinesStage) - {missing}
    (outcomes,) = ingest_symbols(platform, windows, stages, IngestMode.GAPS)
    assert not [outcome.error for outcome in outcomes if outcome.error]
    assert platform.warehouse.gap_ledger.list_gaps() == [before]
    assert before.attempts == 0

    run_ingest(platform, mode=IngestMode.GAPS)
    assert len(open_times(platform)) == 1440 + 720, "the gap is still due"


def test_an_object_that_is_gone_fails_its_own_day_only(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    first, last = date(2025, 3, 1), date(2025, 3, 3)
    window = {"BTCUSDT": Window.of_days(first, last)}
    lost = date(2025, 3, 2)
    list(ingest_symbols(platform, window, {KlinesStage.RAW}))
    platform.raw_lake.delete([entry.key for entry in platform.raw_lake.list_entries(f"{lost}/")])
    (outcomes,) = ingest_symbols(platform, window, {KlinesStage.FACTS})
    assert {one.day: one.rows for one in outcomes if not one.error} == {first: 1440, last: 1440}
    assert [one.day for one in outcomes if one.error] == [lost]


def test_a_ledger_that_cannot_be_read_fails_each_symbol(
    server: ExchangeServer, build_platform: BuildPlatform
) -> None:
    platform = build_platform(server, "BTCUSDT", "ETHUSDT")
    run_ingest(platform, "BTCUSDT", "ETHUSDT")
    tamper(platform, "ALTER TABLE kline_gaps RENAME TO lost")
    outcomes = run_ingest(platform, "BTCUSDT", "ETHUSDT", mode=IngestMode.GAPS)
    assert sorted((one.symbol, one.day) for one in outcomes if one.error) == [
        ("BTCUSDT", TODAY),
        ("ETHUSDT", TODAY),
    ]
