"""The notes under the chart: candles, interval, gaps, and why a chart is empty."""

import streamlit as st

from crypto_assets.market.utc_time import Window, from_epoch_ms
from crypto_assets.reports import CandleSeries
from streamlit_app.analytics import zoom
from streamlit_app.analytics.selection import ChartSelection
from streamlit_app.components import notices
from streamlit_app.data import analytics
from streamlit_app.data.ranges import MAX_DRAWN_CANDLES, get_range_width_ms
from streamlit_app.figures.gap_shading import label_gap

_MAX_LISTED_GAPS = 50


def render_footnotes(selection: ChartSelection, series: CandleSeries) -> None:
    """Draw the notes, and the list of gaps."""
    st.caption(
        ". ".join(note[:1].upper() + note[1:] for note in _format_notes(selection, series)) + "."
    )
    if series.gaps:
        title = f"Gaps: {len(series.gaps):,}"
        with st.expander(title, icon=":material/grid_off:"):
            lines = [f"- {label_gap(gap).label}" for gap in series.gaps[-_MAX_LISTED_GAPS:]]
            if len(series.gaps) > _MAX_LISTED_GAPS:
                lines.insert(0, f"The newest {_MAX_LISTED_GAPS}:\n")
            st.markdown("\n".join(lines))


def render_empty_range(selection: ChartSelection) -> None:
    """Explain that the selected range has no candles."""
    st.info(
        f"**No candles of {notices.escape_markdown(selection.instrument.symbol)} in this range.** "
        f"Available: {_format_range(selection.stored_window)}. Choose other dates, or All.",
        icon=":material/event_busy:",
    )


def render_known_gaps(symbol: str) -> None:
    """List the known gaps of a symbol without candles."""
    known = analytics.query_known_gaps(symbol)
    if known:
        st.caption("Known gaps:")
        st.markdown("\n".join(f"- {label_gap(gap).label}" for gap in known))


def _format_notes(selection: ChartSelection, series: CandleSeries) -> list[str]:
    frame, interval = series.frame, series.interval
    if frame.empty:
        return [f"no candles in view, available: {_format_range(selection.stored_window)}"]
    first, last = (from_epoch_ms(int(frame["open_time"].iloc[end])) for end in (0, -1))
    candles = "1 candle" if len(frame) == 1 else f"{len(frame):,} candles"
    notes = [
        f"{candles} of {interval}, {first:%d %b %Y %H:%M} to {last:%d %b %Y %H:%M} UTC",
    ]
    if _is_cut(selection, series):
        notes.append(
            "showing the newest candles of this range; scroll to the left for the earlier ones"
        )
    if frame["forming"].iloc[-1]:
        notes.append("the last candle (hollow) is still forming")
    if count := len(series.partial):
        is_first = series.partial == (int(frame["open_time"].iloc[0]),)
        subject = "the first candle" if is_first else f"{count:,} candle{'s' if count > 1 else ''}"
        notes.append(
            f"{subject} (faded) {'is' if count == 1 else 'are'} partial: the beginning of the "
            "period is not stored, so open, high, low, and volume cover only the rest"
        )
    return notes


def _is_cut(selection: ChartSelection, series: CandleSeries) -> bool:
    """Return whether the limit leaves out candles of the range."""
    # Periods in gaps count, as in the slice that was read.
    periods = (series.window.end_ms - series.window.start_ms) // series.interval.ms
    if periods < MAX_DRAWN_CANDLES - 1:
        return False
    stored = selection.stored_window
    shown = zoom.get_zoom_window(selection.scope) or selection.dates
    width = get_range_width_ms(selection.chart_range, stored)
    first = shown.start_ms if shown else stored.end_ms - width
    return series.window.start_ms > max(first, stored.start_ms) + series.interval.ms


def _format_range(window: Window) -> str:
    first, last = from_epoch_ms(window.start_ms), from_epoch_ms(window.end_ms)
    return f"{first:%d %b %Y %H:%M} to {last:%d %b %Y %H:%M} UTC"
