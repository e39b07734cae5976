"""Fetches that a clock far ahead has stamped do not outrank later ones permanently."""

from dataclasses import replace

import pytest

from crypto_assets.exchange.rest import BinanceRest
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window, day_of, now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.recovery.rebuild import rebuild_from_lake
from crypto_assets.pipeline.retention.apply_retention import apply_retention
from crypto_assets_tests.pipeline.aging import NEVER
from crypto_assets_tests.pipeline.conftest import BuildPlatform, run_ingest
from crypto_assets_tests.services.exchange import ExchangeServer, StartExchange

NOW = now_ms()
DAY = day_of(NOW - 3 * DAY_MS)
WINDOW = Window.of_day(DAY)
LEAD = 200 * DAY_MS
AT = WINDOW.start_ms + 200 * MINUTE_MS


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange(now=NOW, speed=1)


@pytest.fixture
def platform(
    server: ExchangeServer,
    build_platform: BuildPlatform,
    warehouse_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> PipelineContext:
    """A day, on SQLite and MariaDB, that an earlier version fetched twice by a clock ahead.

    The second fetch has a revision.
    """
    platform = build_platform(server, warehouse_url=warehouse_url)
    with monkeypatch.context() as ahead:
        ahead.setattr(BinanceRest, "compute_fetch_time", lambda _: now_ms() + LEAD)
        run_ingest(platform, first=DAY, last=DAY)
        revise(server)
        run_ingest(platform, first=DAY, last=DAY)
    return replace(platform, retention_policy=NEVER)


def revise(server: ExchangeServer) -> None:
    """Move a trade to the minute at AT from the next one, so that no hour shows the difference."""
    for at, change in ((AT, "+1"), (AT + MINUTE_MS, "-1")):
        rule = {"do": "revise", "start": at, "end": at + MINUTE_MS}
        server.faults.add_rule({**rule, "change": {"trade_count": change}})


def read_trades(platform: PipelineContext) -> tuple[int, int]:
    """The trades of the minute at AT: those that are stored, and those that the exchange has."""
    window = Window(AT, AT + MINUTE_MS)
    candles = platform.warehouse.facts.read_candles("BTCUSDT", window)
    published = platform.exchange.rest.fetch_candle_table("BTCUSDT", Interval.M1, window)
    stored, served = (table["trade_count"][0].as_py() for table in (candles, published))
    return stored, served


def list_objects(platform: PipelineContext) -> list[LakeObject]:
    return platform.warehouse.lake_objects.list_in_window("BTCUSDT", ObjectKind.KLINES, WINDOW)


def test_retention_corrects_them_so_that_later_fetches_count(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    revise(server)
    run_ingest(platform, first=DAY, last=DAY)
    stored, served = read_trades(platform)
    assert stored == served - 1, "the fetch to come outranks the revision"
    apply_retention(platform)
    now = now_ms()
    facts = platform.warehouse.facts.read_fetched_candles("BTCUSDT", WINDOW)
    (item,) = list_objects(platform)
    info = platform.raw_lake.get_info(item.key)
    assert info is not None
    assert {item.fetched_at} == {info.fetched_at} == set(facts["fetched_at"].to_pylist())
    assert now - 30_000 < item.fetched_at <= now
    (revision,) = [
        one for one in platform.warehouse.revisions.list_revisions("BTCUSDT") if one.open_time == AT
    ]
    assert revision.old_fetched_at <= revision.new_fetched_at == item.fetched_at
    watermark = platform.warehouse.watermarks.get_watermark("BTCUSDT")
    assert watermark.last_fetch_time == item.fetched_at
    run_ingest(platform, first=DAY, last=DAY)
    assert read_trades(platform) == (served, served)
    assert [result.error for result in rebuild_from_lake(platform)] == [None]
    assert read_trades(platform) == (served, served)


def test_the_objects_expire_by_their_corrected_times(platform: PipelineContext) -> None:
    apply_retention(platform)
    moving = replace(platform, retention_policy=replace(NEVER, raw_days=1))
    assert apply_retention(moving, at_ms=now_ms() + 2 * DAY_MS).lake.moved.objects == 1


def test_a_killed_correction_is_completed(platform: PipelineContext) -> None:
    """It had changed the lake only."""
    (item,) = list_objects(platform)
    chosen = now_ms() - 1000
    platform.raw_lake.change_fetch_time(item.key, item.fetched_at, chosen)
    apply_retention(platform)
    assert [one.fetched_at for one in list_objects(platform)] == [chosen]


def test_an_object_that_is_gone_stops_nothing(platform: PipelineContext) -> None:
    (item,) = list_objects(platform)
    platform.raw_lake.delete([item.key])
    apply_retention(platform)
    assert list_objects(platform) == [item]


def test_a_dry_run_changes_nothing(platform: PipelineContext) -> None:
    before = list_objects(platform)
    apply_retention(platform, dry_run=True)
    assert list_objects(platform) == before
