"""The layout of the page Analytics: toolbar, chart as high as the window, and a side column."""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

# In the page rather than a style alone, which Streamlit adds last. The side column is beside the
# chart on wide screens, and below it on others.
_STYLE = """
<style>
.stMainBlockContainer { padding: 4.1rem 1rem 1rem; --chart-height: calc(100dvh - 13.2rem); }
.st-key-toolbar { min-height: 2.5rem; flex-wrap: nowrap; overflow-x: auto; overflow-y: hidden;
  scrollbar-width: none; }
.st-key-toolbar > * { flex-shrink: 0; }
.st-key-toolbar button { padding-inline: .55rem; }
.st-key-workspace { flex-wrap: nowrap; align-items: flex-start; }
[data-testid=stLayoutWrapper]:has(> .st-key-main) { flex: 1 1 0; min-width: 0; width: auto; }
[data-testid=stLayoutWrapper]:has(> .st-key-side) { flex: none; width: 280px; }
.st-key-main { position: relative; }
.st-key-chart { min-height: calc(var(--chart-height) + 2.5rem); }
[data-testid=stLayoutWrapper]:has(> .st-key-range_bar) { position: absolute; z-index: 2; left: 0;
  top: calc(var(--chart-height) - 36px); width: fit-content; max-width: calc(100% - 340px);
  overflow-x: auto; scrollbar-width: none; }
.st-key-range_bar { flex-wrap: nowrap; }
.st-key-range_bar button { padding-inline: .55rem; min-height: 2rem; }
@media (max-width: 1199px) {
  .st-key-workspace { flex-direction: column; }
  [data-testid=stLayoutWrapper]:has(> .st-key-main),
  [data-testid=stLayoutWrapper]:has(> .st-key-side) { flex: none; width: 100%; }
}
@media (max-width: 640px) {
  .stMainBlockContainer { --chart-height: calc(100dvh - 17rem); padding-inline: .5rem; }
  [data-testid=stLayoutWrapper]:has(> .st-key-range_bar) { position: static; order: 1;
    max-width: 100%; }
}
.stElementContainer:has(.analytics-style),
[data-testid=stLayoutWrapper]:has(> .st-key-errors):not(:has(.stAlert)) { display: none; }
</style>
<span class="analytics-style"></span>
"""


@dataclass(frozen=True)
class Workspace:
    """The containers below the toolbar."""

    chart: DeltaGenerator
    range_bar: DeltaGenerator
    side: DeltaGenerator


def apply_page_style() -> None:
    """Send the style, which must reach the browser before the elements: the page would jump."""
    st.html(_STYLE)


def create_toolbar() -> DeltaGenerator:
    """Create the container of the inputs above the chart."""
    return st.container(horizontal=True, vertical_alignment="center", gap="small", key="toolbar")


def create_error_area() -> DeltaGenerator:
    """Create the container of warnings above the chart, which takes no space while it is empty."""
    return st.container(key="errors", gap="small")


def create_workspace() -> Workspace:
    """Create the containers below the toolbar."""
    with st.container(horizontal=True, gap="small", key="workspace"):
        with st.container(key="main", gap="small"):
            range_bar = st.container(
                horizontal=True, vertical_alignment="center", gap="small", key="range_bar"
            )
            chart = st.container(gap="small", key="chart")
        side = st.container(gap="small", key="side", width=280)
    return Workspace(chart, range_bar, side)
