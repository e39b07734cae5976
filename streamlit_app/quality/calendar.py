"""The coverage calendar: a row a symbol, a cell a day, told apart by colour, hover and words."""

from collections import Counter
from datetime import date, timedelta
from html import escape

import plotly.graph_objects as go
import streamlit as st

from crypto_assets.market.utc_time import day_of, now_ms
from crypto_assets.reports import Calendar, DayCell, DayState
from streamlit_app import colours
from streamlit_app.components import notices, tables
from streamlit_app.data import quality

_REACHES = {30: "30 days", 90: "90 days", 365: "1 year"}
_COLOURS = {
    DayState.COMPLETE: colours.COMPLETE,
    DayState.OUTAGE: colours.EXPLAINED,
    DayState.OPEN: colours.INCOMPLETE,
    DayState.NOT_LOADED: colours.NOT_LOADED,
}
_NAMES = {
    DayState.COMPLETE: "Complete",
    DayState.OUTAGE: "Outage, explained",
    DayState.OPEN: "Minutes missing",
    DayState.NOT_LOADED: "Not loaded",
}
_SEPARATED_DAYS = 100  # more cells than that are too narrow for a line between them
_ROW_PIXELS, _AROUND_PIXELS = 30, 56


@st.fragment(run_every="30s")
def show() -> None:
    reach = st.segmented_control(
        "Over",
        list(_REACHES),
        default=90,
        format_func=_REACHES.__getitem__,
        required=True,
        key="reach",
        bind="query-params",
    )
    with notices.in_words():
        last = day_of(now_ms())
        found = quality.calendar(last - timedelta(days=reach - 1), last)
        if not found.rows:
            notices.no_symbols()
            return
        st.html(_legend(found))
        st.plotly_chart(
            figure(found),
            key="calendar",
            config={"displayModeBar": False, "responsive": True},
        )
        _as_table(found)


def figure(found: Calendar) -> go.Figure:
    """A heatmap whose value is the state's place in `DayState`."""
    states = list(DayState)
    symbols = list(found.rows)
    width = 1 / len(states)
    scale = [
        (at, _COLOURS[state])
        for number, state in enumerate(states)
        for at in (number * width, (number + 1) * width)
    ]
    heatmap = go.Heatmap(
        x=[day.isoformat() for day in found.days],
        y=symbols,
        z=[[states.index(cell.state) for cell in found.rows[name]] for name in symbols],
        text=[
            [words(name, day, cell) for day, cell in zip(found.days, found.rows[name], strict=True)]
            for name in symbols
        ],
        hovertemplate="%{text}<extra></extra>",
        colorscale=scale,
        zmin=-0.5,
        zmax=len(states) - 0.5,
        showscale=False,
        xgap=1 if len(found.days) <= _SEPARATED_DAYS else 0,
        ygap=4,
    )
    layout = go.Layout(
        height=_ROW_PIXELS * len(symbols) + _AROUND_PIXELS,
        margin={"l": 0, "r": 0, "t": 4, "b": 0},
        xaxis={"fixedrange": True, "showgrid": False, "type": "date", "automargin": True},
        yaxis={
            "fixedrange": True,
            "showgrid": False,
            "autorange": "reversed",
            "automargin": True,
        },
    )
    return go.Figure(heatmap, layout)


def words(symbol: str, day: date, cell: DayCell) -> str:
    """What a cell says when one points at it."""
    parts = [f"{cell.held:,} minutes held"]
    if cell.explained:
        parts.append(f"{cell.explained:,} the exchange never had")
    if cell.missing and cell.state is not DayState.NOT_LOADED:
        parts.append(f"{cell.missing:,} missing")
    said = "nothing asked for yet" if cell.state is DayState.NOT_LOADED else ", ".join(parts)
    return f"<b>{symbol}, {day:%-d %b %Y}</b><br>{_NAMES[cell.state]}: {said}"


def _legend(found: Calendar) -> str:
    counted = Counter(cell.state for row in found.rows.values() for cell in row)
    items = "".join(
        f'<span style="display:inline-flex;align-items:center;gap:.4rem">'
        f'<span aria-hidden="true" style="width:.9rem;height:.9rem;border-radius:3px;'
        f"background:{_COLOURS[state]};"
        f'border:1px solid color-mix(in srgb, currentColor 30%, transparent)"></span>'
        f"{escape(_NAMES[state])} <b>{counted[state]:,}</b></span>"
        for state in DayState
    )
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;font-size:.9rem">'
        f"{items}<span>days, UTC</span></div>"
    )


def _as_table(found: Calendar) -> None:
    """The same for who cannot see colours, or wants to sort."""
    rows = [
        {
            "day": day,
            "symbol": name,
            "state": _NAMES[cell.state],
            "held": cell.held,
            "explained": cell.explained,
            "missing": cell.missing,
        }
        for name, cells in found.rows.items()
        for day, cell in zip(found.days, cells, strict=True)
        if cell.state is not DayState.COMPLETE
    ]
    empty = sum(row["state"] == _NAMES[DayState.NOT_LOADED] for row in rows)
    title = f"{len(rows) - empty:,} days with an outage or missing minutes, {empty:,} not loaded"
    with st.expander(title, icon=":material/table_rows:"):
        if not rows:
            notices.nothing("Every day shown is complete.")
            return
        tables.show(
            tables.frame(rows),
            {
                "day": st.column_config.DateColumn("Day (UTC)", format="D MMM YYYY"),
                "symbol": st.column_config.TextColumn("Symbol"),
                "state": st.column_config.TextColumn("State"),
                "held": tables.count("Held", "minutes"),
                "explained": tables.count("Explained", "minutes that the exchange never had"),
                "missing": tables.count("Missing", "minutes that it may have"),
            },
            "Days that are not complete",
        )
