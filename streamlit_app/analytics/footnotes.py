"""What stands under the chart: how many candles of when, which gaps, and why there is nothing."""

import streamlit as st

from crypto_assets.market.utc_time import Window, from_epoch_ms
from crypto_assets.reports import CandleSeries
from streamlit_app.analytics.selection import ChartSelection
from streamlit_app.data import analytics
from streamlit_app.figures.gap_shading import label_gap

_MAX_LISTED_GAPS = 50


def render_footnotes(chosen: ChartSelection, series: CandleSeries) -> None:
    st.caption(
        ". ".join(note[:1].upper() + note[1:] for note in _format_notes(chosen, series)) + "."
    )
    if series.gaps:
        title = f"{len(series.gaps):,} shaded: no candles there"
        with st.expander(title, icon=":material/grid_off:"):
            shown = [f"- {label_gap(gap).label}" for gap in series.gaps[-_MAX_LISTED_GAPS:]]
            if len(series.gaps) > _MAX_LISTED_GAPS:
                shown.insert(0, f"The newest {_MAX_LISTED_GAPS}:\n")
            st.markdown("\n".join(shown))


def render_empty_range(chosen: ChartSelection) -> None:
    """No candle lies in the range that was picked."""
    st.info(
        f"**No candles of {chosen.instrument.symbol} in this range.** "
        f"It has them {_format_range(chosen.stored_window)}: pick other dates, or All.",
        icon=":material/event_busy:",
    )


def render_known_gaps(symbol: str) -> None:
    """Why a symbol without candles has none, where that is known."""
    known = analytics.query_known_gaps(symbol)
    if known:
        st.caption("What is known of its past:")
        st.markdown("\n".join(f"- {label_gap(gap).label}" for gap in known))


def _format_notes(chosen: ChartSelection, series: CandleSeries) -> list[str]:
    frame, drawn = series.frame, series.interval
    if frame.empty:
        return [
            f"no candles here; {chosen.instrument.symbol} has them {_format_range(chosen.stored_window)}"
        ]
    first, last = (from_epoch_ms(int(frame["open_time"].iloc[end])) for end in (0, -1))
    notes = [
        f"{len(frame):,} candles of {drawn}, {first:%d %b %Y %H:%M} to {last:%d %b %Y %H:%M} UTC"
    ]
    if drawn != chosen.interval:
        notes.append(
            f"{chosen.interval} would be too many candles for this range, so they are of {drawn}"
        )
    if frame["forming"].iloc[-1]:
        notes.append("the last one, drawn hollow, is still forming")
    if count := len(series.partial):
        begins_so = series.partial == (int(frame["open_time"].iloc[0]),)
        which = "the first one" if begins_so else f"{count:,} of them"
        notes.append(
            f"{which}, drawn faded, {'is' if count == 1 else 'are'} partial: the beginning of the "
            "period is not stored; open, high, low and volume are of the rest"
        )
    return notes


def _format_range(held: Window) -> str:
    first, last = from_epoch_ms(held.start_ms), from_epoch_ms(held.end_ms)
    return f"from {first:%d %b %Y %H:%M} to {last:%d %b %Y %H:%M} UTC"
