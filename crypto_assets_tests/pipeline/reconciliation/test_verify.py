"""Verify reports every difference with both values, and none where there is none."""

from datetime import date

import pytest

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, format_utc
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.reconciliation.candle_comparer import ComparisonBasis
from crypto_assets.pipeline.reconciliation.verify import VerificationResult, verify_symbol
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from crypto_assets_tests.pipeline.conftest import TODAY, TODAY_MS, BuildPlatform, run_ingest
from crypto_assets_tests.pipeline.tampering import tamper
from crypto_assets_tests.services.exchange import NOON, StartExchange

FIRST = date(2025, 3, 4)
DAY = Window.of_day(FIRST)
AT = DAY.start_ms + 10 * HOUR_MS + 17 * MINUTE_MS
HOUR = AT - 17 * MINUTE_MS
_COLUMNS = (
    *("open", "high", "low", "close", "volume", "quote_volume", "trade_count"),
    *("taker_buy_volume", "taker_buy_quote_volume", "close_time"),
)
_ROW = (
    "symbol_id, open_time, open, high, low, close, volume, close_time, quote_volume, trade_count,"
    " taker_buy_volume, taker_buy_quote_volume, fetched_at, source"
)


@pytest.fixture
def platform(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, warehouse_url: str
) -> PipelineContext:
    """Three days of BTCUSDT, on SQLite and on MariaDB."""
    built = build_platform(simulated_exchange(now=NOON), warehouse_url=warehouse_url)
    run_ingest(built, first=FIRST)
    return built


def verify_all(platform: PipelineContext) -> VerificationResult:
    return verify_symbol(platform, "BTCUSDT", Window.of_days(FIRST, TODAY))


def test_loaded_data_passes(platform: PipelineContext) -> None:
    found = verify_all(platform)
    assert found == VerificationResult(compared=24 + 24 + 12 + 2, minutes=2 * 1440 + 720)
    assert found.passed


def test_one_digit_of_a_minute_is_a_difference(platform: PipelineContext) -> None:
    for column in _COLUMNS:
        step = 1 if column in {"trade_count", "close_time"} else 0.00001
        _add(platform, column, step)
        found = verify_symbol(platform, "BTCUSDT", DAY)
        assert found.differing_hours == [HOUR]
        (one,) = [one for one in found.differences if one.against is ComparisonBasis.LAKE]
        assert (one.open_time, one.column) == (AT, column)
        assert one.ours is not None
        assert one.theirs is not None
        assert float(one.ours - one.theirs) == pytest.approx(step)
        assert str(one.ours) in str(one)
        assert str(one.theirs) in str(one)
        _add(platform, column, -step)
    assert verify_all(platform).passed


def test_an_hour_and_a_day_without_their_beginning_are_listed_as_partial(
    platform: PipelineContext,
) -> None:
    """As where history begins at 00:20; they are differences too, which a backfill resolves."""
    tamper(
        platform,
        "DELETE FROM fact_klines WHERE symbol_id = {symbol} AND open_time"
        f" BETWEEN {DAY.start_ms} AND {DAY.start_ms + 19 * MINUTE_MS}",
    )
    for table in ("hourly", "daily"):
        tamper(
            platform,
            f"UPDATE {table}_klines SET minute_count = minute_count - 20"
            f" WHERE symbol_id = {{symbol}} AND open_time = {DAY.start_ms}",
        )
    found = verify_all(platform)
    assert not found.passed
    assert [str(one) for one in found.partial] == [
        "1h 2025-03-04T00:00:00Z is partial: its beginning is not stored",
        "1d 2025-03-04T00:00:00Z is partial: its beginning is not stored",
    ]
    platform.warehouse.gap_ledger.refresh_gaps("BTCUSDT", DAY)
    platform.warehouse.gap_ledger.classify_gap(
        "BTCUSDT", DAY.start_ms, GapClass.OUTAGE, "set by the test"
    )
    assert verify_all(platform).partial == ()


def _add(platform: PipelineContext, column: str, step: float) -> None:
    changed = tamper(
        platform,
        f"UPDATE fact_klines SET {column} = {column} + {step:.8f}"
        f" WHERE symbol_id = {{symbol}} AND open_time = {AT}",
    )
    assert changed == 1


def test_a_digit_that_hour_and_day_contain_differs_from_the_exchange(
    platform: PipelineContext,
) -> None:
    for table, open_time in (("fact", AT), ("hourly", HOUR), ("daily", DAY.start_ms)):
        tamper(
            platform,
            f"UPDATE {table}_klines SET volume = volume + 1"
            f" WHERE symbol_id = {{symbol}} AND open_time = {open_time}",
        )
    found = verify_all(platform)
    theirs = [one for one in found.differences if one.against is ComparisonBasis.EXCHANGE]
    assert [(str(one.interval), one.open_time, one.column) for one in theirs] == [
        ("1h", HOUR, "volume"),
        ("1d", DAY.start_ms, "volume"),
    ]


@pytest.mark.parametrize("table", ["hourly_klines", "daily_klines"])
def test_one_digit_of_an_hour_or_day_is_a_difference(platform: PipelineContext, table: str) -> None:
    at = HOUR if table == "hourly_klines" else DAY.start_ms
    tamper(
        platform,
        f"UPDATE {table} SET close = close + 0.00001"
        f" WHERE symbol_id = {{symbol}} AND open_time = {at}",
    )
    assert verify_all(platform).differing_hours[0] == at


def test_a_missing_minute_is_a_difference(platform: PipelineContext) -> None:
    tamper(platform, f"DELETE FROM fact_klines WHERE symbol_id = {{symbol}} AND open_time = {AT}")
    found = verify_all(platform)
    assert found.differing_hours == [HOUR]
    assert ("candle", None, 1) in {(d.column, d.ours, d.theirs) for d in found.differences}


def test_a_missing_day_that_was_loaded_is_a_difference(platform: PipelineContext) -> None:
    for table in ("fact_klines", "hourly_klines", "daily_klines"):
        tamper(
            platform,
            f"DELETE FROM {table} WHERE symbol_id = {{symbol}} AND open_time < {DAY.end_ms}",
        )
    found = verify_all(platform)
    assert found.not_loaded == ()
    assert {one.interval.value for one in found.differences} == {"1m", "1h", "1d"}


def test_days_that_were_never_loaded_are_listed_without_a_difference(
    platform: PipelineContext,
) -> None:
    early = date(2025, 3, 1)
    found = verify_symbol(platform, "BTCUSDT", Window.of_days(early, TODAY))
    assert found.passed
    assert found.not_loaded == (Window.of_days(early, date(2025, 3, 3)),)


def test_hours_after_the_newest_candle_are_listed_without_a_difference(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    built = build_platform(server)
    run_ingest(built)
    server.clock.advance(90 * MINUTE_MS)
    found = verify_all(built)
    assert found.passed
    noon = TODAY_MS + 12 * HOUR_MS
    assert found.not_loaded == (
        Window.of_days(FIRST, date(2025, 3, 5)),
        Window(noon, noon + HOUR_MS),
    )


@pytest.mark.parametrize("volume", ["0", "1"])
def test_a_filled_outage_is_a_difference(
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    warehouse_url: str,
    volume: str,
) -> None:
    """It is filled with copies of the candle before it, and the hours are recomputed."""
    missing = Window(AT, AT + 20 * MINUTE_MS)
    fault = {
        "do": "outage",
        "start": format_utc(missing.start_ms),
        "end": format_utc(missing.end_ms),
    }
    built = build_platform(
        simulated_exchange(now=NOON, faults=[fault]), warehouse_url=warehouse_url
    )
    run_ingest(built, first=FIRST)
    assert verify_all(built).passed
    for at in range(missing.start_ms, missing.end_ms, MINUTE_MS):
        tamper(
            built,
            f"INSERT INTO fact_klines ({_ROW}) SELECT symbol_id, {at}, close, close, close, close,"
            f" {volume}, {at + MINUTE_MS - 1}, {volume}, {volume}, 0, 0, fetched_at, source"
            f" FROM fact_klines WHERE symbol_id = {{symbol}} AND open_time = {AT - MINUTE_MS}",
        )
    tamper(
        built,
        f"UPDATE stale_hours SET hour_done = 0 WHERE symbol_id = {{symbol}} AND open_time = {HOUR}",
    )
    tamper(
        built,
        f"INSERT INTO stale_hours (symbol_id, open_time, hour_done) VALUES ({{symbol}}, {HOUR}, 0)",
    )
    built.warehouse.aggregates.recompute_hours("BTCUSDT", DAY, DAY.end_ms)
    built.warehouse.aggregates.recompute_days("BTCUSDT", DAY, DAY.end_ms)
    found = verify_all(built)
    assert found.differing_hours == [HOUR] if volume == "0" else HOUR in found.differing_hours
    against = {one.against for one in found.differences}
    assert against >= {ComparisonBasis.LAKE, ComparisonBasis.LEDGER}
    assert (ComparisonBasis.EXCHANGE in against) == (volume == "1")


def test_an_object_that_the_lake_has_lost_is_listed(platform: PipelineContext) -> None:
    key = next(entry.key for entry in platform.raw_lake.list_entries(f"{FIRST}/"))
    platform.raw_lake.delete([key])
    found = verify_all(platform)
    assert found.lost == (key,)
    assert not found.passed


def test_expired_minutes_are_not_compared(platform: PipelineContext) -> None:
    platform.warehouse.facts.expire_minutes("BTCUSDT", DAY.end_ms)
    found = verify_all(platform)
    assert found.passed
    assert found.compared == 24 + 24 + 12 + 2
    assert found.minutes == 1440 + 720


def test_the_days_of_a_delisted_symbol_pass(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    fault = {"do": "delist", "symbol": "BTCUSDT", "at": format_utc(DAY.start_ms + DAY_MS // 2)}
    built = build_platform(simulated_exchange(now=NOON, faults=[fault]))
    run_ingest(built, first=FIRST)
    found = verify_all(built)
    assert (found.passed, found.compared, found.not_loaded) == (True, 12 + 1, ())
