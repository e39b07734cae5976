"""A chart's numbers as files: exact where the warehouse is, one column an indicator's line."""

import csv
import io
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crypto_assets.market.candles import CANDLE_SCHEMA
from crypto_assets.market.intervals import Interval
from crypto_assets.reports import CandleChart, CandleSeries, ProviderResult
from streamlit_app.analytics import exports

START = 1_741_219_200_000  # Thursday 2025-03-06 00:00 UTC
EXACT = "12345678901.12345678"


def chart(value: str = EXACT) -> CandleChart:
    """One hour, with a number that no double holds, an average, and bands."""
    row = {
        field.name: START + 3_599_999 * (field.name == "close_time")
        if pa.types.is_integer(field.type)
        else Decimal(value)
        for field in CANDLE_SCHEMA
    }
    table = pa.Table.from_pylist([row], CANDLE_SCHEMA)
    answers = (
        ProviderResult("sma", {"period": 2}, pd.DataFrame({"sma": [float("nan")]})),
        ProviderResult("macd", {}, pd.DataFrame({"macd": [1.5], "signal": [0.5]})),
    )
    return CandleChart(CandleSeries("BTCUSDT", Interval.H1, table, START + 3_600_000), answers)


def test_csv_has_exact_decimals_iso_times_and_nothing_where_there_is_no_value() -> None:
    (row,) = csv.DictReader(io.StringIO(exports.export_csv(chart()).decode()))
    assert row["time"] == "2025-03-06T00:00:00+00:00"
    assert row["close"] == EXACT
    assert (row["sma"], row["macd"], row["macd_signal"]) == ("", "1.5", "0.5")


@pytest.mark.parametrize("value", ["0.00000012", "0.00000000"])
def test_csv_writes_no_exponent(value: str) -> None:
    (row,) = csv.DictReader(io.StringIO(exports.export_csv(chart(value)).decode()))
    assert (row["close"], row["volume"]) == (value, value)


def test_parquet_keeps_types_and_says_what_it_is_of() -> None:
    table = pq.read_table(io.BytesIO(exports.export_parquet(chart())))
    assert table.schema.field("close").type == CANDLE_SCHEMA.field("close").type
    assert table["sma"].to_pylist() == [None]
    assert table.schema.metadata[b"symbol"] == b"BTCUSDT"
    assert table.schema.metadata[b"sma"] == b"{'period': 2}"
