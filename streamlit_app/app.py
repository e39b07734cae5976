"""The app's server: the Streamlit script of all pages, and the route of Plotly's library.

Start it with `streamlit run streamlit_app/app.py`.
"""

import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import streamlit as st
from starlette.middleware import Middleware

from crypto_assets.access import AccessMiddleware
from crypto_assets.analytics import registry
from crypto_assets.python_gc import freeze_loaded_objects
from streamlit_app import auth
from streamlit_app.components import plotly_library

_HERE = Path(__file__).parent
# Scripts that Streamlit runs; importing them would draw a page.
_PAGE_SCRIPTS = ("app", "app_pages", "page_frame")
# Open to everyone, since a container's probe has no token.
_HEALTH_PATH = "/_stcore/health"


def warm_up() -> None:
    """Do what the first viewer would wait for: import modules, compress Plotly's library.

    Streamlit collects garbage after each page run. Freezing the loaded objects keeps that fast.
    """
    for part in walk_packages([str(_HERE)], "streamlit_app."):
        if part.name.split(".")[1] not in _PAGE_SCRIPTS:
            import_module(part.name)
    registry.find_providers()
    plotly_library.compress_script()
    # Streamlit does this for the first element of a process; here it fills the caches of `inspect`.
    inspect.stack()
    freeze_loaded_objects()


@asynccontextmanager
async def _app_lifespan(_: st.App) -> AsyncIterator[None]:
    warm_up()
    yield


app = st.App(
    _HERE / "page_frame.py",
    routes=[plotly_library.SCRIPT_ROUTE],
    middleware=[Middleware(AccessMiddleware, auth.get_access_control(), open_paths=[_HEALTH_PATH])],
    lifespan=_app_lifespan,
)
