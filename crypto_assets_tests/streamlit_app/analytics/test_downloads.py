"""Downloads of a chart: exact candles, and one column per line of an indicator."""

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
from streamlit_app.analytics import downloads

START = 1_741_219_200_000  # Thursday 2025-03-06 00:00 UTC
EXACT = "12345678901.12345678"


def chart(value: str = EXACT) -> CandleChart:
    """Build a chart of one hour with a value that no double can hold, and two indicators."""
    row = {
        field.name: START + 3_599_999 * (field.name == "close_time")
        if pa.types.is_integer(field.type)
        else Decimal(value)
        for field in CANDLE_SCHEMA
    }
    table = pa.Table.from_pylist([row], CANDLE_SCHEMA)
    results = (
        ProviderResult("sma", {"period": 2}, pd.DataFrame({"sma": [float("nan")]})),
        ProviderResult("macd", {}, pd.DataFrame({"macd": [1.5], "signal": [0.5]})),
    )
    return CandleChart(CandleSeries("BTCUSDT", Interval.H1, table, START + 3_600_000), results)


def test_csv_has_exact_decimals_iso_times_and_empty_missing_values() -> None:
    (row,) = csv.DictReader(io.StringIO(downloads.export_csv(chart()).decode()))
    assert row["time"] == "2025-03-06T00:00:00+00:00"
    assert row["close"] == EXACT
    assert (row["sma"], row["macd"], row["macd_signal"]) == ("", "1.5", "0.5")


@pytest.mark.parametrize("value", ["0.00000012", "0.00000000"])
def test_csv_has_no_exponents(value: str) -> None:
    (row,) = csv.DictReader(io.StringIO(downloads.export_csv(chart(value)).decode()))
    assert (row["close"], row["volume"]) == (value, value)


def test_parquet_keeps_types_and_has_metadata() -> None:
    table = pq.read_table(io.BytesIO(downloads.export_parquet(chart())))
    assert table.schema.field("close").type == CANDLE_SCHEMA.field("close").type
    assert table["sma"].to_pylist() == [None]
    assert table.schema.metadata[b"symbol"] == b"BTCUSDT"
    assert table.schema.metadata[b"sma"] == b"{'period': 2}"
