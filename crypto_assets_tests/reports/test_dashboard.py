"""Tiles, totals, status, attention items and the statistics of 24 hours."""

from decimal import Decimal

import pyarrow.compute as pc
import pytest

from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from crypto_assets.reports import AttentionItem, Concern, Reports
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from crypto_assets_tests.reports.conftest import HOLE, STOCK, UNTIL
from crypto_assets_tests.reports.stock import describe, generated, load, load_facts

DAY = Window(UNTIL - DAY_MS, UNTIL)


def test_the_24_hours_are_those_before_the_newest_minute(reports: Reports) -> None:
    minutes = generated("SHIBUSDT", DAY)
    found = reports.get_statistics_24h("SHIBUSDT")
    assert found is not None
    traded = minutes.filter(pc.greater(minutes["volume"], 0))
    assert found.window == DAY
    assert found.open == traded["open"][0].as_py()
    assert found.last == minutes["close"][-1].as_py()
    assert found.high == pc.max(traded["high"]).as_py()
    assert found.low == pc.min(traded["low"]).as_py()
    assert float(found.volume) == pytest.approx(float(pc.sum(minutes["volume"]).as_py()))
    assert found.trade_count == pc.sum(minutes["trade_count"]).as_py()
    assert found.change_ratio == (found.last - found.open) / found.open
    assert found.average_price is not None
    assert found.low < found.average_price < found.high


def test_a_day_with_a_hole_is_shorter_and_not_older(warehouse: Warehouse) -> None:
    hole = Window(UNTIL - 20 * HOUR_MS, UNTIL - 2 * HOUR_MS)
    warehouse.symbols.register_symbols([describe("ETHUSDT")])
    load(warehouse, "ETHUSDT", generated("ETHUSDT", Window(UNTIL - 3 * DAY_MS, UNTIL), [hole]))
    found = Reports(warehouse).get_statistics_24h("ETHUSDT")
    within = generated("ETHUSDT", DAY, [hole])
    assert found is not None
    assert found.trade_count == pc.sum(within["trade_count"]).as_py()


def test_minutes_of_hours_not_computed_yet_count_once(warehouse: Warehouse) -> None:
    warehouse.symbols.register_symbols([describe("ETHUSDT")])
    load_facts(warehouse, "ETHUSDT", generated("ETHUSDT", Window(UNTIL - 2 * DAY_MS, UNTIL)))
    found = Reports(warehouse).get_statistics_24h("ETHUSDT")
    assert found is not None
    assert found.trade_count == pc.sum(generated("ETHUSDT", DAY)["trade_count"]).as_py()


def test_a_symbol_without_candles_has_no_statistics(reports: Reports) -> None:
    assert reports.get_statistics_24h("XRPUSDT") is None


def test_a_tile_for_each_tracked_symbol(reports: Reports) -> None:
    btc, shib, xrp = reports.get_dashboard().tiles
    assert [t.instrument.symbol for t in (btc, shib, xrp)] == ["BTCUSDT", "SHIBUSDT", "XRPUSDT"]
    assert (btc.instrument.base, btc.instrument.quote) == ("BTC", "USDT")
    assert [t.instrument.digits for t in (btc, shib, xrp)] == [2, 8, 4]
    assert btc.statistics == reports.get_statistics_24h("BTCUSDT")
    assert btc.lag_ms == MINUTE_MS // 2
    assert (xrp.statistics, xrp.sparkline, xrp.lag_ms) == (None, (), None)


def test_the_sparkline_shows_the_24_hours_of_the_change(reports: Reports) -> None:
    tile = reports.get_dashboard().tiles[1]
    hours = reports.get_candles("SHIBUSDT", "1h", limit=24).frame["close"]
    assert tile.statistics is not None
    assert tile.sparkline[0] == pytest.approx(float(tile.statistics.open))
    assert tile.sparkline[1:] == pytest.approx(hours.tolist())
    assert tile.sparkline[-1] == pytest.approx(float(tile.statistics.last))


def test_totals_count_what_is_stored(reports: Reports) -> None:
    board = reports.get_dashboard()
    minutes = 2 * (STOCK.end_ms - STOCK.start_ms) // MINUTE_MS
    assert board.candles == minutes - (HOLE.end_ms - HOLE.start_ms) // MINUTE_MS
    assert board.storage.objects == 2
    assert board.storage.lake_bytes == board.candles * 150
    assert board.storage.warehouse_bytes > 100_000
    assert board.lag_ms == MINUTE_MS // 2


def test_what_needs_attention(warehouse: Warehouse) -> None:
    names = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "WAVESBTC")
    warehouse.symbols.register_symbols([describe(name) for name in names[:4]])
    warehouse.symbols.register_symbols([describe("WAVESBTC", SymbolStatus.BREAK)])
    window = Window(UNTIL - 2 * DAY_MS, UNTIL)
    load(warehouse, "BTCUSDT", generated("BTCUSDT", window))
    load(warehouse, "ETHUSDT", generated("ETHUSDT", window, [HOLE]))
    warehouse.gap_ledger.refresh_gaps("ETHUSDT", window)
    for stale in ("SOLUSDT", "WAVESBTC"):
        load(warehouse, stale, generated(stale, Window(window.start_ms, UNTIL - HOUR_MS)))
    found = Reports(warehouse, clock=lambda: UNTIL).get_dashboard()
    assert found.attention == (
        AttentionItem(Concern.GAPS, "ETHUSDT", 140),
        AttentionItem(Concern.STALE, "SOLUSDT", HOUR_MS),
        AttentionItem(Concern.EMPTY, "XRPUSDT"),
        AttentionItem(Concern.NOT_TRADING, "WAVESBTC"),
    )
    assert found.lag_ms == HOUR_MS, "a symbol that does not trade has no lag"


def test_an_empty_warehouse_is_an_empty_dashboard(warehouse: Warehouse) -> None:
    board = Reports(warehouse).get_dashboard()
    assert (board.tiles, board.candles, board.lag_ms, board.attention) == ((), 0, None, ())


def test_status_shows_what_is_stored_of_each_symbol(reports: Reports) -> None:
    btc, shib, xrp = reports.get_status().symbols
    expected = (STOCK.end_ms - STOCK.start_ms) // MINUTE_MS
    assert (btc.first_open_time, btc.last_open_time) == (STOCK.start_ms, UNTIL - MINUTE_MS)
    assert (btc.rows, shib.rows) == (expected - 140, expected)
    assert btc.coverage == pytest.approx(1 - 140 / expected)
    assert shib.coverage == 1
    assert btc.lag_ms == MINUTE_MS // 2
    assert (xrp.first_open_time, xrp.rows, xrp.coverage, xrp.lag_ms) == (None, 0, 0, None)


def test_explained_minutes_count_as_covered(warehouse: Warehouse) -> None:
    window = Window(UNTIL - 2 * DAY_MS, UNTIL)
    warehouse.symbols.register_symbols([describe("ETHUSDT")])
    load(warehouse, "ETHUSDT", generated("ETHUSDT", window, [HOLE]))
    warehouse.gap_ledger.refresh_gaps("ETHUSDT", window)
    (status,) = Reports(warehouse).get_status().symbols
    assert (status.open_gaps, status.missing_minutes) == (1, 140)
    assert status.coverage < 1
    warehouse.gap_ledger.classify_gap("ETHUSDT", HOLE.start_ms, GapClass.OUTAGE, "REST has nothing")
    (status,) = Reports(warehouse).get_status().symbols
    assert (status.open_gaps, status.coverage) == (0, 1)


def test_hours_and_days_of_expired_minutes_are_still_stored(warehouse: Warehouse) -> None:
    midnight = UNTIL - UNTIL % DAY_MS
    ended = Window(midnight - 5 * DAY_MS + 17 * MINUTE_MS, midnight - 3 * DAY_MS)
    lasting = Window(ended.start_ms, UNTIL)
    lost = Window(midnight - 4 * DAY_MS + HOUR_MS, midnight - 4 * DAY_MS + 2 * HOUR_MS)
    warehouse.symbols.register_symbols([describe("BTCUSDT"), describe("ETHUSDT")])
    for name, window in (("BTCUSDT", lasting), ("ETHUSDT", ended)):
        load(warehouse, name, generated(name, window, [lost]))
        warehouse.gap_ledger.refresh_gaps(name, window)
        warehouse.facts.expire_minutes(name, midnight - DAY_MS)
    btc, eth = Reports(warehouse).get_status().symbols
    assert (eth.rows, eth.last_open_time) == (0, ended.end_ms - MINUTE_MS)
    for one in (btc, eth):
        assert one.first_open_time == ended.start_ms - 17 * MINUTE_MS
        assert (one.coverage, one.open_gaps, one.missing_minutes) == (1, 0, 0)


def test_a_gap_counts_from_the_end_of_expired_minutes(
    warehouse: Warehouse,
) -> None:
    midnight = UNTIL - UNTIL % DAY_MS
    window, lost = Window(midnight - DAY_MS, UNTIL), Window(midnight - HOUR_MS, midnight + HOUR_MS)
    warehouse.symbols.register_symbols([describe("ETHUSDT")])
    load(warehouse, "ETHUSDT", generated("ETHUSDT", window, [lost]))
    warehouse.gap_ledger.refresh_gaps("ETHUSDT", window)
    warehouse.facts.expire_minutes("ETHUSDT", midnight)
    (status,) = Reports(warehouse).get_status().symbols
    assert (status.open_gaps, status.missing_minutes) == (1, 60)
    assert status.coverage == pytest.approx(1 - 60 / ((UNTIL - midnight) / MINUTE_MS))


def test_digits_of_a_price_are_those_of_its_tick(warehouse: Warehouse) -> None:
    warehouse.symbols.register_symbols([describe("BTCTRY"), describe("SOLBTC")])
    digits = {one.symbol: one.digits for one in Reports(warehouse).list_instruments()}
    assert digits == {"BTCTRY": 0, "SOLBTC": 7}
    assert describe("SOLBTC").tick_size == Decimal("0.0000001")
