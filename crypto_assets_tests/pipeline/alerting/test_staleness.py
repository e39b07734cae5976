"""Dashboard, alerts and metrics apply one staleness policy: that of the interval in force."""

from pathlib import Path

import pytest

from crypto_assets.market.staleness import StalenessPolicy
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window, floor_ms, now_ms
from crypto_assets.pipeline.alerting.stale_symbols import find_stale_symbols
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.reports import Concern, Reports
from crypto_assets.warehouse import INGEST_INTERVAL
from crypto_assets_tests.api.serving import create_context, serve_api
from crypto_assets_tests.pipeline.conftest import BuildPlatform
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
        "alerts": bool(find_stale_symbols(context)),
        "dashboard": Concern.STALE in {one.concern for one in reports.get_dashboard().attention},
        "status": reports.get_status().symbols[0].is_stale,
        "metrics": _read_stale_metric(context, reports, tmp_path),
    }
    assert found == dict.fromkeys(found, is_stale)


def _load_until(context: PipelineContext, until: int) -> None:
    candles = generated("BTCUSDT", Window(until - HOUR_MS, until))
    load(context.warehouse, "BTCUSDT", candles)


def _read_stale_metric(context: PipelineContext, reports: Reports, folder: Path) -> bool:
    with serve_api(create_context(context.warehouse, folder, reports=reports)) as api:
        lines = api.get("/metrics").text.splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith("crypto_assets_stale{")]
    return float(value) == 1
