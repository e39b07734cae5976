"""The app as a server: the frame's script, and Plotly's own library for the live chart.

`streamlit run streamlit_app/app.py` starts it.
"""

import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import streamlit as st

from crypto_assets.analytics import registry
from crypto_assets.garbage_collection import freeze_loaded_objects
from streamlit_app.components import plotly_library

_HERE = Path(__file__).parent
# Scripts, which Streamlit runs: importing them would draw.
_PAGE_SCRIPTS = ("app", "app_pages", "page_frame")


def warm_up() -> None:
    """Does what the first viewer would wait for: imports, and packing the library.

    Streamlit collects garbage after each run of a page: with all modules in it, that took longer
    than most pages.
    """
    for part in walk_packages([str(_HERE)], "streamlit_app."):
        if part.name.split(".")[1] not in _PAGE_SCRIPTS:
            import_module(part.name)
    registry.find_providers()
    plotly_library.compress_script()
    # Streamlit does this at a process's first element, and finds the files of all modules known.
    inspect.stack()
    freeze_loaded_objects()


@asynccontextmanager
async def _app_lifespan(_: st.App) -> AsyncIterator[None]:
    warm_up()
    yield


app = st.App(_HERE / "page_frame.py", routes=[plotly_library.SCRIPT_ROUTE], lifespan=_app_lifespan)
