"""The file of a chart: its candles and indicators, as in the warehouse, in CSV or Parquet."""

import io
import re

import numpy as np
import pyarrow as pa

from crypto_assets.reports import CandleChart, CandleSeries, ProviderResult
from crypto_assets.reports.table_files import FileKind, write_table_file
from streamlit_app.data import analytics

# A double holds a decimal of as many digits exactly.
_SIGNIFICANT_DIGITS = 15


def build_export_table(chart: CandleChart) -> pa.Table:
    """Build the table of a chart's candles and indicators.

    Columns: `time` (UTC), the candle columns, `forming`, `partial`, and those of the indicators,
    named by their parameters: `ema_20`, `macd_12_26_9_signal`. The schema's metadata contains the
    parameters.
    """
    candles = chart.candles.flagged_table
    table = candles.add_column(0, "time", candles["open_time"].cast(pa.timestamp("ms", "UTC")))
    metadata = {"symbol": chart.candles.symbol, "interval": str(chart.candles.interval)}
    for result in chart.results:
        name = _format_column_name(result, chart.candles)
        metadata[name] = str(dict(result.params))
        # Volumes are columns of the candles already.
        for column in result.value.columns.difference(candles.column_names, sort=False):
            full_name = name if column == result.provider else f"{name}_{column}"
            if full_name not in table.column_names:
                values = _round_values(result.value[column].to_numpy(np.float64))
                table = table.append_column(full_name, pa.array(values, from_pandas=True))
    return table.replace_schema_metadata(metadata)


def export_csv(table: pa.Table) -> bytes:
    """Return an export table as CSV: times in ISO 8601, plain decimals, missing values empty."""
    times = pa.array([time.isoformat() for time in table["time"].to_pylist()], pa.string())
    table = table.set_column(0, "time", times)
    for index, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            texts = [
                None if value is None else np.format_float_positional(value, trim="-")
                for value in table[field.name].to_pylist()
            ]
            table = table.set_column(index, field.name, pa.array(texts, pa.string()))
    out = io.BytesIO()
    write_table_file(table, out, FileKind.CSV)
    return out.getvalue()


def export_parquet(table: pa.Table) -> bytes:
    """Return an export table as Parquet."""
    out = io.BytesIO()
    write_table_file(table, out, FileKind.PARQUET)
    return out.getvalue()


def _format_column_name(result: ProviderResult, series: CandleSeries) -> str:
    """Return the legend as a name: `ema_20`, `vwap_day`."""
    provider = analytics.get_providers()[result.provider]
    params = provider.parse_params(result.params)
    described = re.findall(r"[\w.]+", params.describe(series.interval))
    return "_".join([result.provider, *(part.lower() for part in described)])


def _round_values(values: np.ndarray) -> np.ndarray:
    """Round to the digits of a decimal that a double holds: 101.19393000000001 is 101.19393."""
    return np.array([float(f"{value:.{_SIGNIFICANT_DIGITS}g}") for value in values.tolist()])
