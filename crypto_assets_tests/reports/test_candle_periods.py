"""Optimized reads of candles equal full reads, across gaps and forming periods."""

from functools import partial
from itertools import pairwise

import pytest

from crypto_assets.analytics.registry import find_providers
from crypto_assets.errors import UnknownSymbol
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, Window
from crypto_assets.reports.candle_periods import read_closes
from crypto_assets.reports.candles import read_candles
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.reports.conftest import HOLE, STOCK, UNTIL

# Each combination of columns that a provider reads.
READS = sorted({each.reads for each in find_providers().values()})
WIDE = [interval for interval in Interval if interval not in (Interval.M1, Interval.W1)]


@pytest.mark.parametrize("window", [Window(UNTIL - 3 * DAY_MS, UNTIL), Window(0, HOLE.end_ms - 1)])
def test_closes_of_many_symbols_are_those_of_their_candles(
    stocked: Warehouse, window: Window, subtests: pytest.Subtests
) -> None:
    window = window & Window(STOCK.start_ms, UNTIL)
    for interval in Interval:
        with subtests.test(interval=interval):
            closes = read_closes(stocked, ["BTCUSDT", "SHIBUSDT", "XRPUSDT"], interval, window)
            assert list(closes) == ["BTCUSDT", "SHIBUSDT", "XRPUSDT"]
            assert closes["XRPUSDT"].num_rows == 0, "it has no candles"
            for symbol, table in closes.items():
                candles = read_candles(
                    stocked, symbol, interval, window.start_ms, window.end_ms, limit=None
                ).table
                assert table.equals(candles.select(["open_time", "close"]))


def test_no_closes_outside_of_the_stored_range(stocked: Warehouse) -> None:
    later = Window(UNTIL + DAY_MS, UNTIL + 2 * DAY_MS)
    assert read_closes(stocked, ["BTCUSDT"], Interval.M30, later)["BTCUSDT"].num_rows == 0
    assert read_closes(stocked, [], Interval.M30, STOCK) == {}
    with pytest.raises(UnknownSymbol):
        read_closes(stocked, ["BTCUSDT", "NOSUCH"], Interval.M30, STOCK)


def test_a_limit_counts_candles_across_a_gap(stocked: Warehouse, subtests: pytest.Subtests) -> None:
    for interval in WIDE:
        with subtests.test(interval=interval):
            ask = partial(read_candles, stocked, "BTCUSDT", interval)
            whole = ask(STOCK.start_ms, UNTIL, limit=None).table
            opened = whole["open_time"].to_pylist()
            hole = next((n for n, (a, b) in enumerate(pairwise(opened)) if b - a > interval.ms), 3)
            for count in (len(opened) - hole, len(opened) - hole + 1):
                assert ask(limit=count).table["open_time"].to_pylist() == opened[-count:]
            oldest = ask(opened[0], UNTIL, limit=hole + 3).table
            assert oldest.equals(whole.slice(0, hole + 3))


@pytest.mark.parametrize("interval", [Interval(name) for name in ("1m", "30m", "1h", "4h", "1w")])
def test_selected_columns_equal_those_of_whole_candles(
    stocked: Warehouse, interval: Interval
) -> None:
    """Across the gap and the forming period."""
    ask = partial(read_candles, stocked, "BTCUSDT", interval)
    whole, oldest = ask(limit=900), ask(STOCK.start_ms, UNTIL, 700)
    for columns in READS:
        newest = ask(limit=900, columns=columns)
        assert set(newest.table.column_names) == {"open_time", "close_time", *columns}
        assert newest.table.equals(whole.table.select(newest.table.column_names))
        assert newest.gaps == whole.gaps
        first = ask(STOCK.start_ms, UNTIL, 700, columns)
        assert first.table.equals(oldest.table.select(first.table.column_names))


def test_an_unbounded_range_reads_stored_rows_only(stocked: Warehouse) -> None:
    """Not the keys of all periods since 1970 or in the future."""
    until = UNTIL + 10_000 * DAY_MS
    every = read_candles(stocked, "BTCUSDT", Interval.M30, 0, until, None, ("close",)).table
    assert every["open_time"][0].as_py() == Interval.M30.floor(STOCK.start_ms)
    first = read_candles(stocked, "BTCUSDT", Interval.M30, 0, until, 5, ("close",)).table
    assert first.equals(every.slice(0, 5))
