"""The coverage calendar: the state of each day of each symbol."""

from collections import Counter
from datetime import date
from html import escape

import plotly.graph_objects as go
import streamlit as st

from crypto_assets.reports import CoverageCalendar, DayCell, DayState
from streamlit_app import colors
from streamlit_app.components import notices, tables
from streamlit_app.format import dates
from streamlit_app.quality.period import query_period_coverage

_STATE_COLORS = {
    DayState.COMPLETE: colors.COMPLETE,
    DayState.OUTAGE: colors.EXPLAINED,
    DayState.OPEN: colors.INCOMPLETE,
    DayState.NOT_LOADED: colors.NOT_LOADED,
}
_STATE_NAMES = {
    DayState.COMPLETE: "Complete",
    DayState.OUTAGE: "Explained gap",
    DayState.OPEN: "Missing minutes",
    DayState.NOT_LOADED: "Not loaded",
}
_MAX_SEPARATED_DAYS = 100  # with more, the cells are too narrow for a space between them
_ROW_PIXELS, _MARGIN_PIXELS = 30, 56


@st.fragment(run_every="30s")
def render_coverage_calendar() -> None:
    with notices.render_errors():
        coverage = query_period_coverage()
        if not coverage.rows:
            notices.render_no_symbols()
            return
        st.html(_format_legend(coverage))
        st.plotly_chart(
            draw_coverage_calendar(coverage),
            key="calendar",
            config={"displayModeBar": False, "responsive": True},
        )
        _render_day_table(coverage)


def draw_coverage_calendar(coverage: CoverageCalendar) -> go.Figure:
    """Draw a heatmap. The value of a cell is the index of its `DayState`."""
    states = list(DayState)
    symbols = list(coverage.rows)
    width = 1 / len(states)
    scale = [
        (position, _STATE_COLORS[state])
        for index, state in enumerate(states)
        for position in (index * width, (index + 1) * width)
    ]
    heatmap = go.Heatmap(
        x=[day.isoformat() for day in coverage.days],
        y=symbols,
        z=[[states.index(cell.state) for cell in coverage.rows[name]] for name in symbols],
        text=[
            [
                format_day_cell(name, day, cell)
                for day, cell in zip(coverage.days, coverage.rows[name], strict=True)
            ]
            for name in symbols
        ],
        hovertemplate="%{text}<extra></extra>",
        colorscale=scale,
        zmin=-0.5,
        zmax=len(states) - 0.5,
        showscale=False,
        xgap=1 if len(coverage.days) <= _MAX_SEPARATED_DAYS else 0,
        ygap=4,
    )
    layout = go.Layout(
        height=_ROW_PIXELS * len(symbols) + _MARGIN_PIXELS,
        margin={"l": 0, "r": 0, "t": 4, "b": 0},
        xaxis={
            "fixedrange": True,
            "showgrid": False,
            "type": "date",
            "automargin": True,
            "tickformat": dates.AXIS_DAY_FORMAT,
        },
        yaxis={
            "fixedrange": True,
            "showgrid": False,
            "autorange": "reversed",
            "automargin": True,
        },
    )
    return go.Figure(heatmap, layout)


def format_day_cell(symbol: str, day: date, cell: DayCell) -> str:
    """Format the hover text of a cell."""
    parts = [f"{cell.stored:,} minutes stored"]
    if cell.explained:
        parts.append(f"{cell.explained:,} explained")
    if cell.missing and cell.state is not DayState.NOT_LOADED:
        parts.append(f"{cell.missing:,} missing")
    title = f"<b>{symbol}, {dates.format_day(day)}</b><br>{_STATE_NAMES[cell.state]}"
    return title if cell.state is DayState.NOT_LOADED else f"{title}: {', '.join(parts)}"


def _format_legend(coverage: CoverageCalendar) -> str:
    counted = Counter(cell.state for row in coverage.rows.values() for cell in row)
    items = "".join(
        f'<span style="display:inline-flex;align-items:center;gap:.4rem">'
        f'<span aria-hidden="true" style="width:.9rem;height:.9rem;border-radius:3px;'
        f"background:{_STATE_COLORS[state]};"
        f'border:1px solid color-mix(in srgb, currentColor 30%, transparent)"></span>'
        f"{escape(_STATE_NAMES[state])} <b>{counted[state]:,}</b></span>"
        for state in DayState
    )
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;font-size:.9rem">'
        f"{items}<span>days, UTC</span></div>"
    )


def _render_day_table(coverage: CoverageCalendar) -> None:
    """Draw the incomplete days as a table, for screen readers and for sorting."""
    rows = [
        {
            "day": day,
            "symbol": name,
            "state": _STATE_NAMES[cell.state],
            "stored": cell.stored,
            "explained": cell.explained,
            "missing": cell.missing,
        }
        for name, cells in coverage.rows.items()
        for day, cell in zip(coverage.days, cells, strict=True)
        if cell.state is not DayState.COMPLETE
    ]
    empty = sum(row["state"] == _STATE_NAMES[DayState.NOT_LOADED] for row in rows)
    title = f"{len(rows) - empty:,} days with gaps, {empty:,} not loaded"
    with st.expander(title, icon=":material/table_rows:"):
        if not rows:
            notices.render_empty_state("All days are complete.")
            return
        tables.render_table(
            tables.build_table_frame(rows),
            {
                "day": tables.day_column("Day (UTC)"),
                "symbol": st.column_config.TextColumn("Symbol"),
                "state": st.column_config.TextColumn("State"),
                "stored": tables.count_column("Stored", "Minutes"),
                "explained": tables.count_column(
                    "Explained", "Minutes that the exchange does not have"
                ),
                "missing": tables.count_column("Missing", "Minutes that will be requested again"),
            },
            "Incomplete days",
        )
