"""The way of the data as a picture: stations with live counts, wide as a row, narrow as a column.

Plain HTML, so that it is read aloud in order, grows with the letters, and follows the theme: every
shade is mixed from the colour of the text.
"""

from datetime import timedelta
from html import escape

import streamlit as st
from rich.filesize import decimal as file_size

from crypto_assets.reports import DataFlow, FlowStage, StageCounts
from streamlit_app.format import humanize

_CANDLE_STAGES = (FlowStage.CANDLE_OBJECTS, FlowStage.MINUTES, FlowStage.HOURS, FlowStage.DAYS)
_BOOK_STAGES = (FlowStage.BOOK_OBJECTS, FlowStage.BOOKS)

_STYLE = """
<style>
.flow { container-type: inline-size; }
.flow > div { display: flex; align-items: stretch; }
.flow ol { list-style: none; margin: 0; padding: 0; display: flex; flex: 1; min-width: 0; }
.flow .lanes { display: flex; flex-direction: column; gap: .6rem; flex: 1; min-width: 0; }
.flow .stop { flex: 1 1 0; min-width: 0; box-sizing: border-box; padding: .55rem .75rem .6rem;
  border: 1px solid color-mix(in srgb, currentColor 22%, transparent); border-radius: 8px;
  background: color-mix(in srgb, currentColor 3.5%, transparent); }
.flow .source { flex: 0 0 8.6rem; display: flex; flex-direction: column;
  justify-content: center; border-color: #2B83D6; }
.flow li { display: flex; flex: 1 1 0; min-width: 0; align-items: stretch; }
.flow .books li { flex: 0 0 25%; }
.flow .way { flex: 0 0 1.7rem; align-self: center; height: 2px; position: relative;
  background: color-mix(in srgb, currentColor 40%, transparent); }
.flow .way::after { content: ""; position: absolute; right: 0; top: -4px;
  border: 5px solid transparent; border-right: 0;
  border-left: 8px solid color-mix(in srgb, currentColor 55%, transparent); }
.flow .branch { display: none; }
.flow .name { font-size: .8rem; font-weight: 600; opacity: .8; }
.flow .count { font-size: 1.3rem; font-weight: 650; line-height: 1.35;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.flow .unit { font-size: .8rem; font-weight: 400; opacity: .8; }
.flow .note { font-size: .8rem; line-height: 1.4; opacity: .8;
  font-variant-numeric: tabular-nums; }
.flow .waits { font-size: .8rem; line-height: 1.4; font-weight: 600; }
.flow .waits::before { content: "\\25CF  "; color: #DF6410; }
@container (max-width: 800px) {
  .flow > div, .flow ol { flex-direction: column; }
  .flow .source { flex: none; }
  .flow li, .flow .books li { flex: none; flex-direction: column; }
  .flow .books li:first-child .way { display: none; }
  .flow .branch { display: block; font-size: .8rem; opacity: .8; margin: .2rem 0 -.2rem; }
  .flow .way { flex: none; width: 2px; height: .9rem; align-self: flex-start;
    margin-left: 1.6rem; }
  .flow .way::after { right: -4px; top: auto; bottom: 0; border: 5px solid transparent;
    border-bottom: 0; border-top: 8px solid color-mix(in srgb, currentColor 55%, transparent); }
  .flow .stop { display: grid; grid-template-columns: 1fr auto; column-gap: .8rem; }
  .flow .name { align-self: center; }
  .flow .notes { grid-column: 1 / -1; }
  .flow .notes > * { display: inline; }
  .flow .notes > * + *::before { content: " \\00B7  "; }
  .flow .notes > .waits::before { content: "  \\25CF  "; }
}
</style>
"""
_ARROW = '<span class="way" aria-hidden="true"></span>'


def render_flow_diagram(flow: DataFlow) -> None:
    """Refreshed in place as often as the caller runs."""
    st.html(_STYLE + format_flow_html(flow))


def format_flow_html(flow: DataFlow) -> str:
    """One group, its stations in the order in which the data passes them."""
    candles = "".join(
        f"<li>{_ARROW}{_format_stage(flow, station)}</li>" for station in _CANDLE_STAGES
    )
    books = "".join(f"<li>{_ARROW}{_format_stage(flow, station)}</li>" for station in _BOOK_STAGES)
    return (
        '<section class="flow" aria-label="The way of the data, from the exchange to the days">'
        f"<div>{_format_stage(flow, FlowStage.EXCHANGE)}"
        f'<div class="lanes"><ol>{candles}</ol><div class="branch">From the exchange, too:</div>'
        f'<ol class="books">{books}</ol></div></div></section>'
    )


def _format_stage(flow: DataFlow, station: FlowStage) -> str:
    name, unit, recent, waits = _STAGE_TEXTS[station]
    stop = flow[station]
    source = " source" if station is FlowStage.EXCHANGE else ""
    notes = [recent.format(count=f"{stop.recent:,}")] if recent else []
    notes += _format_details(flow, stop)
    parts = [
        f'<div class="name">{name}</div>',
        f'<div class="count">{_format_count(stop, unit)}</div>',
    ]
    lines = [f'<div class="note">{escape(note)}</div>' for note in notes]
    if stop.waiting:
        lines.append(f'<div class="waits">{escape(waits.format(count=f"{stop.waiting:,}"))}</div>')
    if lines:
        parts.append(f'<div class="notes">{"".join(lines)}</div>')
    return f'<div class="stop{source}">{"".join(parts)}</div>'


def _format_count(stop: StageCounts, unit: str) -> str:
    """All that is held; of hours and days the recent ones, since counting would read them all."""
    shown = stop.recent if stop.stored is None else stop.stored
    return f'{shown:,} <span class="unit">{unit}</span>'


def _format_details(flow: DataFlow, stop: StageCounts) -> list[str]:
    if stop.size_bytes:
        return [file_size(stop.size_bytes)]
    if stop.newest is None or stop.stage is FlowStage.EXCHANGE:
        return []
    ago = humanize.format_duration(timedelta(milliseconds=flow.as_of - stop.newest))
    return [f"newest {'taken' if stop.stage is FlowStage.BOOKS else 'closed'} {ago} ago"]


# Name, unit of the count, what came lately, and what waits.
_STAGE_TEXTS = {
    FlowStage.EXCHANGE: ("Exchange", "symbols", "", ""),
    FlowStage.CANDLE_OBJECTS: (
        "Lake, candles",
        "objects",
        "{count} in the last hour",
        "{count} to be loaded",
    ),
    FlowStage.MINUTES: ("Minutes", "candles", "{count} in the last hour", ""),
    FlowStage.HOURS: ("Hours", "in 24 h", "", "{count} to be computed"),
    FlowStage.DAYS: ("Days", "in 30 days", "", ""),
    FlowStage.BOOK_OBJECTS: (
        "Lake, order books",
        "objects",
        "{count} in the last hour",
        "{count} to be loaded",
    ),
    FlowStage.BOOKS: ("Order books", "snapshots", "{count} in the last hour", ""),
}
