"""A chart's numbers as a file: candles with the warehouse's exact decimals, and each indicator."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from crypto_assets.reports import CandleChart
from crypto_assets.reports.table_files import FileKind, write_table_file


def build_export_table(chart: CandleChart) -> pa.Table:
    """The candles' columns, `time` in UTC before them, `partial` after them, and the indicators'.

    An indicator's columns are named `provider_column`.

    Parameters stand in the schema's metadata, by provider.
    """
    candles = chart.candles.flagged_table
    opened = candles["open_time"].cast(pa.timestamp("ms", "UTC"))
    made = candles.add_column(0, "time", opened)
    for answer in chart.results:
        for column in answer.value.columns:
            name = column if column == answer.provider else f"{answer.provider}_{column}"
            if name not in made.column_names:
                values = pa.array(answer.value[column].to_numpy(), from_pandas=True)
                made = made.append_column(name, values)
    return made.replace_schema_metadata(
        {"symbol": chart.candles.symbol, "interval": str(chart.candles.interval)}
        | {answer.provider: str(dict(answer.params)) for answer in chart.results}
    )


def export_csv(chart: CandleChart) -> bytes:
    """With `time` as ISO 8601; what has no value is empty."""
    made = build_export_table(chart)
    times = pa.array([time.isoformat() for time in made["time"].to_pylist()])
    out = io.BytesIO()
    write_table_file(made.set_column(0, "time", times), out, FileKind.CSV)
    return out.getvalue()


def export_parquet(chart: CandleChart) -> bytes:
    out = io.BytesIO()
    pq.write_table(build_export_table(chart), out, compression="zstd")
    return out.getvalue()
