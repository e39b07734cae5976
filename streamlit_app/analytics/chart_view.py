"""The part of a chart that is in view: that of the range, or of the viewer's zoom."""

from dataclasses import replace

import pyarrow.compute as pc

from crypto_assets.market.utc_time import Window
from crypto_assets.reports import CandleChart
from streamlit_app.analytics import zoom
from streamlit_app.analytics.selection import ChartSelection
from streamlit_app.data import analytics


def find_shown_window(selection: ChartSelection) -> Window | None:
    """Return what is in view, None without candles."""
    stored_window = analytics.query_stored_windows().get(selection.instrument.symbol)
    if not stored_window:
        return None
    return zoom.get_zoom_window(selection.scope) or selection.get_home_window(stored_window)


def trim_chart(chart: CandleChart, view: Window) -> CandleChart:
    """Return the part of a chart that opens in a view."""
    series = chart.candles
    opened = series.table["open_time"]
    inside = pc.and_(pc.greater_equal(opened, view.start_ms), pc.less(opened, view.end_ms))
    candles = replace(
        series,
        table=series.table.filter(inside),
        gaps=tuple(
            gap
            for gap in series.gaps
            if gap.window.end_ms > view.start_ms and gap.window.start_ms < view.end_ms
        ),
        partial=tuple(time for time in series.partial if view.start_ms <= time < view.end_ms),
    )
    results = tuple(
        replace(result, value=result.value[inside.to_numpy()]) for result in chart.results
    )
    return CandleChart(candles, results)
