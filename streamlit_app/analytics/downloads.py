"""Downloads of a chart: its data as CSV or Parquet, and the chart as a PNG."""

import io
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import streamlit as st

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window, from_epoch_ms
from crypto_assets.reports import CandleChart
from crypto_assets.reports.table_files import FileKind, write_table_file


def render_download_menu(
    name: str, query_chart: Callable[[], CandleChart], request_picture: Callable[[], None]
) -> None:
    """Draw the download buttons. A file is created when its button is clicked."""
    with st.popover("Download", icon=":material/download:"):
        st.download_button(
            "CSV",
            lambda: export_csv(query_chart()),
            f"{name}.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/table:",
            help="Candles and indicators, with the exact decimals of the warehouse.",
            width="stretch",
        )
        st.download_button(
            "Parquet",
            lambda: export_parquet(query_chart()),
            f"{name}.parquet",
            "application/vnd.apache.parquet",
            on_click="ignore",
            icon=":material/view_column:",
            help="The same data; prices and volumes are decimal columns.",
            width="stretch",
        )
        if st.button(
            "PNG",
            icon=":material/image:",
            key="png",
            on_click=request_picture,
            help="The visible chart.",
            width="stretch",
        ):
            st.rerun()  # The chart is in another fragment.


def format_file_name(symbol: str, interval: Interval, window: Window) -> str:
    """`BTCUSDT-1h-20250301-20250308`, by the UTC days of the first and the last instant."""
    first, last = (from_epoch_ms(ms) for ms in (window.start_ms, max(window.end_ms - 1, 0)))
    return f"{symbol}-{interval}-{first:%Y%m%d}-{last:%Y%m%d}"


def build_export_table(chart: CandleChart) -> pa.Table:
    """Build the table of a download.

    Columns: `time` (UTC), the candle columns, `partial`, and the indicators' columns, which are
    named `provider_column`. The schema metadata holds the parameters of each provider.
    """
    candles = chart.candles.flagged_table
    table = candles.add_column(0, "time", candles["open_time"].cast(pa.timestamp("ms", "UTC")))
    for result in chart.results:
        for column in result.value.columns:
            name = column if column == result.provider else f"{result.provider}_{column}"
            if name not in table.column_names:
                values = pa.array(result.value[column].to_numpy(), from_pandas=True)
                table = table.append_column(name, values)
    return table.replace_schema_metadata(
        {"symbol": chart.candles.symbol, "interval": str(chart.candles.interval)}
        | {result.provider: str(dict(result.params)) for result in chart.results}
    )


def export_csv(chart: CandleChart) -> bytes:
    """Return the export table as CSV: `time` in ISO 8601, missing values empty."""
    table = build_export_table(chart)
    times = pa.array([time.isoformat() for time in table["time"].to_pylist()])
    out = io.BytesIO()
    write_table_file(table.set_column(0, "time", times), out, FileKind.CSV)
    return out.getvalue()


def export_parquet(chart: CandleChart) -> bytes:
    """Return the export table as Parquet."""
    out = io.BytesIO()
    pq.write_table(build_export_table(chart), out, compression="zstd")
    return out.getvalue()
