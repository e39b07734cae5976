"""Files of a chart: exact candles with their flags, and one column per line of an indicator."""

import csv
import io
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crypto_assets.market.candles import CANDLE_SCHEMA
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import HOUR_MS, Window
from crypto_assets.reports import CandleChart, CandleSeries, ProviderResult
from streamlit_app.analytics.chart_export import build_export_table, export_csv, export_parquet
from streamlit_app.analytics.chart_view import trim_chart

START = 1_741_219_200_000  # Thursday 2025-03-06 00:00 UTC
EXACT = "12345678901.12345678"
NOISE = 101.19393000000001


def chart(value: str = EXACT) -> CandleChart:
    """Build a chart of two hours with a value that no double can hold, and indicators.

    The first hour is partial, the second one is forming.
    """
    rows = [
        {
            field.name: start + 3_599_999 * (field.name == "close_time")
            if pa.types.is_integer(field.type)
            else Decimal(value)
            for field in CANDLE_SCHEMA
        }
        for start in (START, START + HOUR_MS)
    ]
    table = pa.Table.from_pylist(rows, CANDLE_SCHEMA)
    nan = float("nan")
    volumes = pd.DataFrame({"volume": [1.5] * 2, "quote_volume": [NOISE] * 2})
    results = (
        ProviderResult("sma", {"period": 2}, pd.DataFrame({"sma": [nan, NOISE]})),
        ProviderResult("ema", {"period": 20}, pd.DataFrame({"ema": [nan, 0.0000012]})),
        ProviderResult("ema", {"period": 50}, pd.DataFrame({"ema": [nan, 2.0]})),
        ProviderResult("macd", {}, pd.DataFrame({"macd": [nan, 1.5], "signal": [nan, 0.5]})),
        ProviderResult("vwap", {}, pd.DataFrame({"vwap": [nan, 1.0]})),
        ProviderResult("volume", {}, volumes),
    )
    series = CandleSeries("BTCUSDT", Interval.H1, table, START + HOUR_MS + 60_000, partial=(START,))
    return CandleChart(series, results)


def read_csv(value: str = EXACT) -> list[dict[str, str]]:
    file = export_csv(build_export_table(chart(value))).decode()
    return list(csv.DictReader(io.StringIO(file)))


def test_csv_has_exact_decimals_iso_times_and_empty_missing_values() -> None:
    first, row = read_csv()
    assert row["time"] == "2025-03-06T01:00:00+00:00"
    assert row["close"] == EXACT
    assert (first["sma_2"], row["macd_12_26_9"], row["macd_12_26_9_signal"]) == ("", "1.5", "0.5")


def test_candles_are_flagged_as_forming_or_partial() -> None:
    flags = [(row["forming"], row["partial"]) for row in read_csv()]
    assert flags == [("false", "true"), ("true", "false")]


def test_columns_have_the_parameters_of_their_indicator_and_no_column_is_there_twice() -> None:
    names = build_export_table(chart()).column_names
    assert names == [
        *("time", *CANDLE_SCHEMA.names, "forming", "partial"),
        *("sma_2", "ema_20", "ema_50", "macd_12_26_9", "macd_12_26_9_signal", "vwap_day"),
    ]


def test_values_are_plain_decimals_without_noise() -> None:
    row = read_csv()[1]
    assert (row["sma_2"], row["ema_20"], row["ema_50"]) == ("101.19393", "0.0000012", "2")
    table = pq.read_table(io.BytesIO(export_parquet(build_export_table(chart()))))
    assert table["sma_2"].to_pylist() == [None, 101.19393]


@pytest.mark.parametrize("value", ["0.00000012", "0.00000000"])
def test_csv_has_no_exponents(value: str) -> None:
    row = read_csv(value)[1]
    assert (row["close"], row["volume"]) == (value, value)


def test_a_file_of_the_view_has_the_candles_in_view() -> None:
    view = Window(START + 60_000, START + 2 * HOUR_MS)
    shown = trim_chart(chart(), view)
    table = build_export_table(shown)
    assert table["open_time"].to_pylist() == [START + HOUR_MS]
    assert (table["partial"].to_pylist(), table["ema_50"].to_pylist()) == ([False], [2.0])
    assert shown.candles.partial == ()


def test_parquet_keeps_types_and_has_metadata() -> None:
    table = pq.read_table(io.BytesIO(export_parquet(build_export_table(chart()))))
    assert table.schema.field("close").type == CANDLE_SCHEMA.field("close").type
    assert table.schema.field("forming").type == table.schema.field("partial").type == pa.bool_()
    assert table.schema.metadata[b"symbol"] == b"BTCUSDT"
    assert table.schema.metadata[b"sma_2"] == b"{'period': 2}"
