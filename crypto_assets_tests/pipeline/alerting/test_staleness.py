"""Dashboard, alerts and metrics apply one staleness policy: that of the interval in force."""

from pathlib import Path

import pytest

from crypto_assets.market.staleness import ExchangeCondition, StalenessPolicy, SymbolState
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.reports import Concern, Reports
from crypto_assets.warehouse import INGEST_INTERVAL
from crypto_assets_tests.api.serving import create_context, serve_api
from crypto_assets_tests.pipeline.conftest import BuildPlatform, list_stale_names
from crypto_assets_tests.reports.stock import generated, load
from crypto_assets_tests.services.exchange import StartExchange


@pytest.mark.parametrize(("interval", "minutes"), [(1, 8), (5, 20), (60, 185)])
def test_three_ticks_and_five_minutes_are_tolerated(interval: int, minutes: int) -> None:
    assert StalenessPolicy(interval).tolerance_ms == minutes * MINUTE_MS


@pytest.mark.parametrize(
    ("interval", "minutes_behind", "is_stale"),
    [(60, 20, False), (60, 170, False), (60, 200, True), (1, 20, True), (None, 20, True)],
)
def test_every_consumer_follows_the_interval_set_in_the_app(
    interval: int | None,
    minutes_behind: int,
    is_stale: bool,
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    tmp_path: Path,
) -> None:
    context = build_platform(simulated_exchange(now=now_ms()))
    if interval:
        context.warehouse.app_settings.put_value(INGEST_INTERVAL, interval, who="test")
    _load_until(context, floor_ms(now_ms(), MINUTE_MS) - minutes_behind * MINUTE_MS)
    reports = Reports(context.warehouse, default_ingest_minutes=context.default_ingest_minutes)
    found = {
        "alerts": bool(list_stale_names(context)),
        "dashboard": Concern.STALE in {one.concern for one in reports.get_dashboard().attention},
        "status": reports.get_status().symbols[0].is_stale,
        "metrics": _read_stale_metric(context, reports, tmp_path),
    }
    assert found == dict.fromkeys(found, is_stale)


NOW = 1_780_000_000_000
POLICY = StalenessPolicy(5)


@pytest.mark.parametrize(
    ("behind_minutes", "fetched_minutes_ago", "is_reachable", "state"),
    [
        (6, 1, True, SymbolState.LIVE),
        (6, 1, False, SymbolState.UNREACHABLE),
        (25, 25, True, SymbolState.DELAYED),
        (25, 25, False, SymbolState.UNREACHABLE),
        (300 * 1440, 1, True, SymbolState.LOADING),
        (None, None, True, SymbolState.LOADING),
    ],
)
def test_the_policy_names_the_state_of_a_symbol(
    behind_minutes: int | None,
    fetched_minutes_ago: int | None,
    is_reachable: bool,
    state: SymbolState,
) -> None:
    def before(minutes: int | None) -> int | None:
        return None if minutes is None else NOW - minutes * MINUTE_MS

    ages = {
        "last_open_time": before(behind_minutes),
        "last_fetch_time": before(fetched_minutes_ago),
        "tracked_since": NOW - 2 * MINUTE_MS,
        "exchange_now": NOW,
        "local_now": NOW,
    }
    found = POLICY.classify_symbol(is_trading=True, is_exchange_reachable=is_reachable, **ages)
    assert found is state
    ended = POLICY.classify_symbol(is_trading=False, is_exchange_reachable=is_reachable, **ages)
    assert ended is SymbolState.NOT_TRADING


@pytest.mark.parametrize("lead_minutes", [-600, 0, 600])
def test_a_symbol_that_is_fetched_is_loading_whatever_this_machines_clock_says(
    lead_minutes: int,
) -> None:
    """A fetch is stamped by the earlier of this machine's clock and the exchange's."""
    local_now = NOW + lead_minutes * MINUTE_MS
    state = POLICY.classify_symbol(
        is_trading=True,
        is_exchange_reachable=True,
        last_open_time=NOW - DAY_MS,
        last_fetch_time=min(NOW, local_now) - MINUTE_MS,
        tracked_since=NOW - DAY_MS,
        exchange_now=NOW,
        local_now=local_now,
    )
    assert state is SymbolState.LOADING


def test_nothing_is_live_while_the_exchange_is_unreachable(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    context = build_platform(simulated_exchange(now=now_ms()))
    _load_until(context, floor_ms(now_ms(), MINUTE_MS))
    reports = Reports(
        context.warehouse, read_exchange=lambda: ExchangeCondition(is_reachable=False)
    )
    assert reports.get_status().symbols[0].state is SymbolState.UNREACHABLE
    assert reports.get_dashboard().tiles[0].state is SymbolState.UNREACHABLE
    with serve_api(create_context(context.warehouse, tmp_path, reports=reports)) as api:
        assert api.read("/api/pipeline/status")["data"]["symbols"][0]["state"] == "unreachable"
        assert api.read("/api/dashboard")["data"]["tiles"][0]["state"] == "unreachable"
        metric = 'crypto_assets_symbol_state{state="unreachable",symbol="BTCUSDT"} 1.0'
        assert metric in api.get("/metrics").text


def test_days_never_requested_are_no_gap(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    context = build_platform(simulated_exchange(now=now_ms()))
    midnight = floor_ms(now_ms(), DAY_MS)
    for days_ago in (9, 1):
        start = midnight - days_ago * DAY_MS
        load(context.warehouse, "BTCUSDT", generated("BTCUSDT", Window(start, start + DAY_MS)))
    (status,) = Reports(context.warehouse).get_status().symbols
    assert (status.coverage, status.open_gaps, status.missing_minutes) == (1, 0, 0)
    assert status.unloaded_days == 7


def _load_until(context: PipelineContext, until: int) -> None:
    candles = generated("BTCUSDT", Window(until - HOUR_MS, until))
    load(context.warehouse, "BTCUSDT", candles)


def _read_stale_metric(context: PipelineContext, reports: Reports, folder: Path) -> bool:
    with serve_api(create_context(context.warehouse, folder, reports=reports)) as api:
        lines = api.get("/metrics").text.splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith("crypto_assets_stale{")]
    return float(value) == 1
