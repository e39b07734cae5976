"""The data flow diagram: stages with live counts, as a row on wide screens, else as a column.

It is plain HTML, so that screen readers read it in order, and it follows the font size and the
theme: all shades are mixed from the text color.
"""

from datetime import timedelta
from html import escape

import streamlit as st

from crypto_assets.reports import DataFlow, FlowStage, StageCounts
from streamlit_app.format import dates, humanize

_CANDLE_STAGES = (FlowStage.CANDLE_OBJECTS, FlowStage.MINUTES, FlowStage.HOURS, FlowStage.DAYS)
_BOOK_STAGES = (FlowStage.BOOK_OBJECTS, FlowStage.BOOKS)

_STYLE = """
<style>
.flow { container-type: inline-size; }
.flow > div { display: flex; align-items: stretch; }
.flow ol { list-style: none; margin: 0; padding: 0; display: flex; flex: 1; min-width: 0; }
.flow .branches { display: flex; flex-direction: column; gap: .6rem; flex: 1; min-width: 0; }
.flow .stage { flex: 1 1 0; min-width: 0; box-sizing: border-box; padding: .55rem .75rem .6rem;
  border: 1px solid color-mix(in srgb, currentColor 22%, transparent); border-radius: 8px;
  background: color-mix(in srgb, currentColor 3.5%, transparent); }
.flow .source { flex: 0 0 8.6rem; display: flex; flex-direction: column;
  justify-content: center; border-color: #2B83D6; }
.flow li { display: flex; flex: 1 1 0; min-width: 0; align-items: stretch; }
.flow .books li { flex: 0 0 25%; }
.flow .arrow { flex: 0 0 1.7rem; align-self: center; height: 2px; position: relative;
  background: color-mix(in srgb, currentColor 40%, transparent); }
.flow .arrow::after { content: ""; position: absolute; right: 0; top: -4px;
  border: 5px solid transparent; border-right: 0;
  border-left: 8px solid color-mix(in srgb, currentColor 55%, transparent); }
.flow .branch-title { display: none; }
.flow .name { font-size: .8rem; font-weight: 600; opacity: .8; }
.flow .count { font-size: 1.3rem; font-weight: 650; line-height: 1.35;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.flow .unit { font-size: .8rem; font-weight: 400; opacity: .8; }
.flow .note { font-size: .8rem; line-height: 1.4; opacity: .8;
  font-variant-numeric: tabular-nums; }
.flow .waiting { font-size: .8rem; line-height: 1.4; font-weight: 600; }
.flow .waiting::before { content: "\\25CF  "; color: #DF6410; }
@container (max-width: 800px) {
  .flow > div, .flow ol { flex-direction: column; }
  .flow .source { flex: none; }
  .flow li, .flow .books li { flex: none; flex-direction: column; }
  .flow .books li:first-child .way { display: none; }
  .flow .branch-title { display: block; font-size: .8rem; opacity: .8; margin: .2rem 0 -.2rem; }
  .flow .arrow { flex: none; width: 2px; height: .9rem; align-self: flex-start;
    margin-left: 1.6rem; }
  .flow .arrow::after { right: -4px; top: auto; bottom: 0; border: 5px solid transparent;
    border-bottom: 0; border-top: 8px solid color-mix(in srgb, currentColor 55%, transparent); }
  .flow .stage { display: grid; grid-template-columns: 1fr auto; column-gap: .8rem; }
  .flow .name { align-self: center; }
  .flow .notes { grid-column: 1 / -1; }
  .flow .notes > * { display: inline; }
  .flow .notes > * + *::before { content: " \\00B7  "; }
  .flow .notes > .waiting::before { content: "  \\25CF  "; }
}
</style>
"""
_ARROW = '<span class="arrow" aria-hidden="true"></span>'


def render_flow_diagram(flow: DataFlow) -> None:
    """Draw the diagram; the caller refreshes it."""
    st.html(_STYLE + format_flow_html(flow))


def format_flow_html(flow: DataFlow) -> str:
    """Format the stages in the order of the flow."""
    candles = "".join(f"<li>{_ARROW}{_format_stage(flow, stage)}</li>" for stage in _CANDLE_STAGES)
    books = "".join(f"<li>{_ARROW}{_format_stage(flow, stage)}</li>" for stage in _BOOK_STAGES)
    return (
        '<section class="flow" aria-label="Data flow from the exchange to daily candles">'
        f"<div>{_format_stage(flow, FlowStage.EXCHANGE)}"
        f'<div class="branches"><ol>{candles}</ol>'
        '<div class="branch-title">Also from the exchange:</div>'
        f'<ol class="books">{books}</ol></div></div></section>'
    )


def _format_stage(flow: DataFlow, stage: FlowStage) -> str:
    name, unit, recent, waiting = _STAGE_TEXTS[stage]
    counts = flow[stage]
    source = " source" if stage is FlowStage.EXCHANGE else ""
    notes = [recent.format(count=f"{counts.recent:,}")] if recent else []
    notes += _format_details(flow, counts)
    parts = [
        f'<div class="name">{name}</div>',
        f'<div class="count">{_format_count(counts, unit)}</div>',
    ]
    lines = [f'<div class="note">{escape(note)}</div>' for note in notes]
    if counts.waiting:
        text = escape(waiting.format(count=f"{counts.waiting:,}"))
        lines.append(f'<div class="waiting">{text}</div>')
    if lines:
        parts.append(f'<div class="notes">{"".join(lines)}</div>')
    return f'<div class="stage{source}">{"".join(parts)}</div>'


def _format_count(counts: StageCounts, unit: str) -> str:
    """Format the stored rows; for hours and days the recent ones, which are cheap to count."""
    count = counts.recent if counts.stored is None else counts.stored
    return f'{count:,} <span class="unit">{unit}</span>'


def _format_details(flow: DataFlow, counts: StageCounts) -> list[str]:
    if counts.size_bytes:
        return [humanize.format_size(counts.size_bytes)]
    if counts.newest is None or counts.stage is FlowStage.EXCHANGE:
        return []
    ago = dates.format_age(timedelta(milliseconds=flow.as_of - counts.newest))
    return [f"newest {'captured' if counts.stage is FlowStage.BOOKS else 'closed'} {ago} ago"]


# Name, unit of the count, recent rows, waiting rows.
_STAGE_TEXTS = {
    FlowStage.EXCHANGE: ("Exchange", "symbols", "", ""),
    FlowStage.CANDLE_OBJECTS: (
        "Lake: candles",
        "objects",
        "{count} in the last hour",
        "{count} waiting to load",
    ),
    FlowStage.MINUTES: ("Minutes", "candles", "{count} in the last hour", ""),
    FlowStage.HOURS: ("Hours", "in 24 h", "", "{count} to recompute"),
    FlowStage.DAYS: ("Days", "in 30 days", "", ""),
    FlowStage.BOOK_OBJECTS: (
        "Lake: order books",
        "objects",
        "{count} in the last hour",
        "{count} waiting to load",
    ),
    FlowStage.BOOKS: ("Order books", "snapshots", "{count} in the last hour", ""),
}
