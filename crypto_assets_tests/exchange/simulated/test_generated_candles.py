"""Generated candles: reproducible one by one, and plausible as a market."""

from datetime import date
from hashlib import sha256
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_assets.exchange.simulated import GeneratedCandles
from crypto_assets.exchange.simulated.candle_text import format_csv_rows
from crypto_assets.exchange.simulated.generated_candles import FIRST_CANDLE_MS
from crypto_assets.exchange.simulated.symbol_catalog import SYMBOL_BEHAVIORS, SYMBOL_CATALOG
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, day_start_ms

_DAY = day_start_ms(date(2024, 11, 5))


def _minutes(symbol: str, window: Window, seed: int = 7, outages: bool = False) -> pa.Table:
    return GeneratedCandles(seed, outages).select_candles(symbol, Interval.M1, window)


@given(
    symbol=st.sampled_from(sorted(SYMBOL_CATALOG)),
    start=st.integers(FIRST_CANDLE_MS // MINUTE_MS, _DAY // MINUTE_MS),
    length=st.integers(1, 3000),
    outages=st.booleans(),
    data=st.data(),
)
def test_any_minute_alone_equals_the_same_minute_in_a_range(
    symbol: str, start: int, length: int, outages: bool, data: st.DataObject
) -> None:
    window = Window(start * MINUTE_MS, (start + length) * MINUTE_MS)
    together = _minutes(symbol, window, outages=outages)
    chosen = start + data.draw(st.integers(0, length - 1))
    one = Window(chosen * MINUTE_MS, (chosen + 1) * MINUTE_MS)
    alone = _minutes(symbol, one, outages=outages)
    assert alone == together.filter(pc.equal(together["open_time"], one.start_ms))
    assert alone.num_rows == 1 or outages


@pytest.mark.parametrize("symbol", sorted(SYMBOL_CATALOG))
def test_a_month_of_any_symbol_is_plausible(symbol: str) -> None:
    candles = _minutes(symbol, Window(_DAY, _DAY + 30 * DAY_MS))
    assert candles.num_rows == 30 * 1440
    listing, temper = SYMBOL_CATALOG[symbol], SYMBOL_BEHAVIORS[symbol]
    column = {name: candles[name].combine_chunks() for name in candles.column_names}
    body = pc.max_element_wise(column["open"], column["close"])
    assert pc.all(pc.greater_equal(column["high"], body)).as_py()
    body = pc.min_element_wise(column["open"], column["close"])
    assert pc.all(pc.less_equal(column["low"], body)).as_py()
    assert pc.min(column["low"]).as_py() >= listing.tick_size
    assert pc.all(pc.less_equal(column["taker_buy_volume"], column["volume"])).as_py()
    assert pc.all(pc.less_equal(column["taker_buy_quote_volume"], column["quote_volume"])).as_py()
    for name, step in (("close", listing.tick_size), ("volume", listing.lot_size)):
        assert all(value % step == 0 for value in column[name].to_pylist()[::97])
    daily = float(pc.sum(column["volume"]).as_py()) / 30
    assert temper.daily_volume / 4 < daily < temper.daily_volume * 4
    assert temper.price / 20 < float(column["close"][0].as_py()) < temper.price * 20


def test_quote_volume_lies_between_low_and_high_times_volume() -> None:
    for row in _minutes("BTCUSDT", Window(_DAY, _DAY + HOUR_MS)).to_pylist():
        assert row["low"] * row["volume"] <= row["quote_volume"] <= row["high"] * row["volume"]


@pytest.mark.parametrize("symbol", ["BTCUSDT", "XRPBTC", "WAVESBTC"])
def test_quiet_minutes_are_flat_rows_at_the_previous_close(symbol: str) -> None:
    rows = _minutes(symbol, Window(_DAY, _DAY + 10 * DAY_MS)).to_pylist()
    quiet = 0
    for before, row in pairwise(rows):
        if row["trade_count"]:
            assert row["volume"] > 0
            continue
        quiet += 1
        assert row["volume"] == row["quote_volume"] == row["taker_buy_volume"] == 0
        assert row["open"] == row["high"] == row["low"] == row["close"] == before["close"]
    expected = SYMBOL_BEHAVIORS[symbol].quiet_share * len(rows)
    assert expected / 3 < quiet < expected * 3


def test_prices_continue_at_the_previous_close() -> None:
    rows = _minutes("ETHUSDT", Window(_DAY, _DAY + 3 * DAY_MS)).to_pylist()
    for before, row in pairwise(rows):
        assert abs(row["open"] - before["close"]) <= before["close"] / 500


def test_the_seed_determines_the_market() -> None:
    window = Window(_DAY, _DAY + HOUR_MS)
    assert _minutes("BTCUSDT", window, seed=1) == _minutes("BTCUSDT", window, seed=1)
    assert _minutes("BTCUSDT", window, seed=1) != _minutes("BTCUSDT", window, seed=2)


def test_outages_hit_all_symbols_at_once_after_minutes_without_trades() -> None:
    window = Window(day_start_ms(date(2023, 1, 1)), day_start_ms(date(2023, 7, 1)))
    every = np.arange(window.start_ms, window.end_ms, MINUTE_MS)
    missing = np.setdiff1d(every, _minutes("BTCUSDT", window, outages=True)["open_time"])
    others = np.setdiff1d(every, _minutes("LTCBTC", window, outages=True)["open_time"])
    assert np.array_equal(missing, others)
    starts = [int(ms) for ms in missing if ms - MINUTE_MS not in missing]
    assert 1 <= len(starts) <= 5
    assert 4 <= len(missing) / len(starts) <= 360
    assert _minutes("BTCUSDT", window).num_rows == len(every)
    before = [_minutes("BTCUSDT", Window(s - MINUTE_MS, s), outages=True) for s in starts]
    assert any(table["volume"][0].as_py() == 0 for table in before)


def test_a_seed_gives_the_same_candles_on_every_machine_and_in_every_version() -> None:
    """Stored candles of a seed must match those of later versions."""
    window = Window(_DAY, _DAY + DAY_MS)
    days = [
        format_csv_rows(_minutes(symbol, window)) for symbol in ("SHIBUSDT", "BTCUSDT", "WAVESBTC")
    ]
    assert days[1].splitlines()[0] == (
        b"1730764800000,52927.51000000,52996.39000000,52902.06000000,52987.03000000,"
        b"18.83901000,1730764859999,997586.75918490,2386,7.10667000,376321.25541080,0"
    )
    digest = sha256(b"".join(days)).hexdigest()
    assert digest == "862caf8345e284254cd509871d6f819bca68536f510217b7744cdb532fff9d4b"
