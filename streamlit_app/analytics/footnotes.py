"""The notes under the chart: candles, interval, gaps, and why a chart is empty."""

import streamlit as st

from crypto_assets.market.utc_time import Window
from crypto_assets.reports import CandleSeries
from streamlit_app.analytics.selection import ChartSelection
from streamlit_app.components import notices
from streamlit_app.data import analytics
from streamlit_app.data.ranges import MAX_READ_CANDLES, MAX_VIEW_CANDLES
from streamlit_app.figures.gap_labels import label_gap

_MAX_LISTED_GAPS = 50


def render_footnotes(
    selection: ChartSelection, series: CandleSeries, shown: Window, *, is_zoomed: bool
) -> None:
    """Draw the notes on the candles of the window `shown`, and the list of gaps.

    Of a wide window, `series` has the newest candles only.
    """
    notes = _format_notes(selection, series, shown, is_zoomed=is_zoomed)
    st.caption(". ".join(note[:1].upper() + note[1:] for note in notes) + ".")
    if series.gaps:
        title = f"Gaps: {len(series.gaps):,}"
        with st.expander(title, icon=":material/grid_off:"):
            zone = selection.viewer_zone
            lines = [f"- {label_gap(gap, zone)}" for gap in series.gaps[-_MAX_LISTED_GAPS:]]
            if len(series.gaps) > _MAX_LISTED_GAPS:
                lines.insert(0, f"The newest {_MAX_LISTED_GAPS}:\n")
            st.markdown("\n".join(lines))


def render_empty_range(selection: ChartSelection) -> None:
    """Explain that the selected range has no candles."""
    st.info(
        f"**No candles of {notices.escape_markdown(selection.instrument.symbol)} in this range.** "
        f"Available: {_format_available(selection)}. Choose other dates, or All.",
        icon=":material/event_busy:",
    )


def render_known_gaps(selection: ChartSelection) -> None:
    """List the known gaps of a symbol without candles."""
    known = analytics.query_known_gaps(selection.instrument.symbol)
    if known:
        st.caption("Known gaps:")
        zone = selection.viewer_zone
        st.markdown("\n".join(f"- {label_gap(gap, zone)}" for gap in known))


def _format_notes(
    selection: ChartSelection, series: CandleSeries, shown: Window, *, is_zoomed: bool
) -> list[str]:
    frame, interval = series.frame, series.interval
    if frame.empty:
        return [f"no candles in view, available: {_format_available(selection)}"]
    zone = selection.viewer_zone
    first, last = (zone.convert(int(frame["open_time"].iloc[end])) for end in (0, -1))
    candles = "1 candle" if len(frame) == 1 else f"{len(frame):,} candles"
    if (shown.end_ms - shown.start_ms) // interval.ms > MAX_READ_CANDLES:
        candles = "candles"
        first = zone.convert(max(shown.start_ms, selection.stored_window.start_ms))
    notes = [
        f"{candles} of {interval}, {first:%d %b %Y %H:%M} to {last:%d %b %Y %H:%M} {zone.label}",
    ]
    if not is_zoomed and shown.end_ms - shown.start_ms == MAX_VIEW_CANDLES * interval.ms:
        notes.append(
            f"showing the newest {MAX_VIEW_CANDLES:,} candles of this range; scroll to the left "
            "for the earlier ones"
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


def _format_available(selection: ChartSelection) -> str:
    zone, stored = selection.viewer_zone, selection.stored_window
    first, last = zone.convert(stored.start_ms), zone.convert(stored.end_ms)
    return f"{first:%d %b %Y %H:%M} to {last:%d %b %Y %H:%M} {zone.label}"
