"""The layout of the page Analytics: toolbar, chart as high as the window, and a side column."""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


@dataclass(frozen=True)
class Workspace:
    """The containers below the toolbar."""

    chart: DeltaGenerator
    range_bar: DeltaGenerator
    side: DeltaGenerator


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
