"""Frames, larger intervals, the flag `forming`, and gaps."""

from decimal import Decimal

import pandas as pd
import pytest

from crypto_assets.analytics import find_candle_gaps, flag_forming, frame_from_table
from crypto_assets.market.candles import CANDLE_COLUMNS, CANDLE_SCHEMA, table_from_rows
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import roll_up
from crypto_assets.market.utc_time import MINUTE_MS, Window
from crypto_assets_tests.analytics.market_data import START, flat_table


def minute(n: int, extra_ms: int = 0) -> int:
    return START + n * MINUTE_MS + extra_ms


def test_a_frame_has_a_utc_index_and_floats() -> None:
    frame = frame_from_table(flat_table(2, volume="3"))
    assert list(frame.columns) == list(CANDLE_COLUMNS)
    assert frame.index.name == "time"
    assert frame.index[1] == pd.Timestamp("2025-01-01T00:01Z")
    assert frame["open_time"].tolist() == [minute(0), minute(1)]
    kinds = frame.dtypes.astype(str).to_dict()
    assert {kinds.pop(name) for name in ("open_time", "close_time", "trade_count")} == {"int64"}
    assert set(kinds.values()) == {"float64"}


@pytest.mark.parametrize(
    "text", ["0.00001234", "0.00000001", "67123.45000001", "99999999.12345678"]
)
def test_floats_are_the_nearest_to_the_exact_text(text: str) -> None:
    frame = frame_from_table(flat_table(1, price=text))
    assert frame["close"].iloc[0] == float(text)


def test_an_empty_table_is_an_empty_frame() -> None:
    frame = frame_from_table(CANDLE_SCHEMA.empty_table())
    assert frame.empty and list(frame.columns) == list(CANDLE_COLUMNS)
    assert str(frame.index.dtype) == "datetime64[ms, UTC]"


def test_milliseconds_of_odd_open_times_are_kept() -> None:
    table = flat_table(1)
    odd = table.set_column(0, "open_time", [[minute(0, 7_321)]])
    assert frame_from_table(odd).index[0] == pd.Timestamp("2025-01-01T00:00:07.321Z")


def test_resampled_candles_follow_the_exchange() -> None:
    head = [minute(0), "1", "1", "1", "1", "0", minute(1, -1), "0", 0, "0", "0", "0"]
    body = [minute(1), "5", "9", "4", "6", "2", minute(2, -1), "12", 3, "1", "6", "0"]
    hour = roll_up(table_from_rows([head, body]), Interval.H1)
    (row,) = hour.to_pylist()
    assert (row["open"], row["high"], row["low"], row["close"]) == (5, 9, 4, 6)
    assert row["parts"] == 2
    assert frame_from_table(hour)["close_time"].iloc[0] == START + 3_599_999


def test_weeks_start_on_monday() -> None:
    week = roll_up(flat_table(1), Interval.W1)
    assert frame_from_table(week).index[0] == pd.Timestamp("2024-12-30T00:00Z")


def test_a_forming_candle_is_flagged_until_its_close_has_passed() -> None:
    frame = frame_from_table(flat_table(3))
    assert flag_forming(frame, minute(2, 59_999))["forming"].tolist() == [False, False, True]
    assert flag_forming(frame, minute(3))["forming"].tolist() == [False, False, False]
    assert flag_forming(frame, minute(1))["forming"].tolist() == [False, True, True]
    assert "forming" not in frame


def test_gaps_between_candles_are_maximal() -> None:
    found = find_candle_gaps([minute(0), minute(1), minute(5), minute(6), minute(8)], Interval.M1)
    assert found == [Window(minute(2), minute(5)), Window(minute(7), minute(8))]


def test_gaps_are_clipped_to_the_window() -> None:
    times = [minute(0), minute(10), minute(20)]
    assert find_candle_gaps(times, Interval.M1, Window(minute(5), minute(15))) == [
        Window(minute(5), minute(10)),
        Window(minute(11), minute(15)),
    ]
    assert find_candle_gaps(times, Interval.M1, Window(minute(10), minute(11))) == []


def test_open_times_off_the_grid_cause_no_gaps() -> None:
    assert find_candle_gaps([minute(0, 9_000), minute(1, 100), minute(2)], Interval.M1) == []


def test_gaps_of_weeks_start_on_mondays() -> None:
    monday = START - 2 * 86_400_000
    week = Interval.W1.ms
    assert find_candle_gaps([monday, monday + 3 * week], Interval.W1) == [
        Window(monday + week, monday + 3 * week)
    ]


def test_no_candles_have_no_gaps() -> None:
    assert find_candle_gaps([], Interval.M1, Window(0, START)) == []
    assert Decimal("0.00001234") == flat_table(1)["close"][0].as_py()
