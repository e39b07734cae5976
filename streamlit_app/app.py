"""The app as a server: the frame's script, and Plotly's own library for the live chart.

`streamlit run streamlit_app/app.py` starts it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

import streamlit as st

from streamlit_app import plotly_library


def warm() -> None:
    """Does what the first viewer would wait for: imports, and packing the library."""
    for part in ("chart_view", "cards"):
        import_module(f"streamlit_app.{part}")
    plotly_library.zipped()


@asynccontextmanager
async def _warmed(_: st.App) -> AsyncIterator[None]:
    warm()
    yield


app = st.App(Path(__file__).with_name("frame.py"), routes=[plotly_library.ROUTE], lifespan=_warmed)
