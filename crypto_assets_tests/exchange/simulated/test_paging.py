"""Every division of a range into pages gives the same rows, with or without holes."""

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto_assets.exchange.simulated import (
    FaultScript,
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
)
from crypto_assets.market.candles import CANDLE_SCHEMA
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import roll_up
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window
from crypto_assets_tests.services.exchange import NOON

# Two outages of the script, one of them longer than a page, besides the seed's own.
_HOLES = [
    {"do": "outage", "start": NOON - 3 * DAY_MS, "end": NOON - 2 * DAY_MS},
    {"do": "outage", "start": NOON - 900_000, "end": NOON - 840_000},
]
_EXCHANGE = SimulatedExchange(
    GeneratedCandles(5, outages=True), SimulatedClock(NOON, speed=0), FaultScript(_HOLES)
)

_INTERVALS = st.sampled_from([Interval.M1, Interval.M5, Interval.H1, Interval.D1, Interval.W1])


def _window(interval: Interval, data: st.DataObject) -> tuple[int, int]:
    """Draw bounds on or off the grid, up to the future, at most a few hundred days apart."""
    end = NOON - data.draw(st.integers(-2, 600)) * interval.ms // 10
    return end - data.draw(st.integers(0, min(700, 100 * DAY_MS // interval.ms))) * interval.ms, end


def _whole(interval: Interval, start: int, end: int) -> pa.Table:
    return _EXCHANGE.get_klines("BNBBTC", interval, start, end, 5000)


@settings(max_examples=40)
@given(interval=_INTERVALS, data=st.data())
def test_pages_forward_contain_all_rows(interval: Interval, data: st.DataObject) -> None:
    start, end = _window(interval, data)
    pages, cursor = [CANDLE_SCHEMA.empty_table()], start
    while True:
        limit = data.draw(st.integers(1, 1000))
        page = _EXCHANGE.get_klines("BNBBTC", interval, cursor, end, limit)
        if not page.num_rows:
            break
        pages.append(page)
        cursor = page["open_time"][-1].as_py() + 1
    assert pa.concat_tables(pages).combine_chunks() == _whole(interval, start, end).combine_chunks()


@settings(max_examples=30)
@given(interval=st.sampled_from([Interval.M1, Interval.M5, Interval.H1]), data=st.data())
def test_pages_backward_contain_all_rows(interval: Interval, data: st.DataObject) -> None:
    start, end = _window(interval, data)
    pages, cursor = [CANDLE_SCHEMA.empty_table()], end
    while True:
        limit = data.draw(st.integers(1, 500))
        page = _EXCHANGE.get_klines("BNBBTC", interval, None, cursor, limit)
        page = page.filter(pc.greater_equal(page["open_time"], start))
        if not page.num_rows:
            break
        pages.insert(0, page)
        cursor = page["open_time"][0].as_py() - 1
    assert pa.concat_tables(pages).combine_chunks() == _whole(interval, start, end).combine_chunks()


@settings(max_examples=40)
@given(
    interval=st.sampled_from(list(Interval)),
    back=st.integers(0, 40),
    count=st.integers(1, 8),
)
def test_larger_candles_are_the_minutes_rolled_up(
    interval: Interval, back: int, count: int
) -> None:
    begin = interval.floor(NOON) - back * interval.ms
    window = Window(begin, min(begin + count * interval.ms, NOON + 1))
    minutes = _EXCHANGE.get_klines("BNBBTC", Interval.M1, window.start_ms, window.end_ms - 1, 10**7)
    expected = roll_up(minutes, interval).select(CANDLE_SCHEMA.names)
    seen = _whole(interval, window.start_ms, window.end_ms - 1)
    assert seen.combine_chunks() == expected.combine_chunks()


def test_a_page_over_a_hole_is_full() -> None:
    page = _EXCHANGE.get_klines("BTCUSDT", Interval.M1, NOON - 3 * DAY_MS - 5 * MINUTE_MS, None, 10)
    opens = page["open_time"].to_pylist()
    assert len(opens) == 10
    assert opens[4] - opens[3] == MINUTE_MS and opens[5] - opens[4] > DAY_MS
    before = _EXCHANGE.get_klines("BTCUSDT", Interval.M1, None, NOON - 2 * DAY_MS, 10)
    assert before.num_rows == 10 and before["open_time"][0].as_py() < NOON - 3 * DAY_MS
