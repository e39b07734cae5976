"""The app's server: the Streamlit script of all pages, and the routes of the charts' libraries.

Start it with `python -m streamlit_app.app`. `streamlit run streamlit_app/app.py` serves the same,
but without the limits of `crypto_assets.http_server` on connections and slow requests.
"""

import base64
import hashlib
import inspect
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import click
import streamlit as st
from starlette.middleware import Middleware

from crypto_assets.access import AccessMiddleware
from crypto_assets.analytics import registry
from crypto_assets.http_server import serve_app
from crypto_assets.python_gc import freeze_loaded_objects
from crypto_assets.request_guard import GuardPolicy, RequestGuardMiddleware, build_guard_policy
from crypto_assets.settings import get_settings
from crypto_assets.tcp_ports import require_free_port
from crypto_assets.telemetry import start_telemetry
from streamlit_app import app_logs, auth
from streamlit_app.components.chart_scripts import CHART_SCRIPTS_ROUTE
from streamlit_app.components.page_styles import PageStylesMiddleware
from streamlit_app.components.script_libraries import LIBRARIES
from streamlit_app.viewer_limits import ClosedSocketMiddleware, ViewerLimitsMiddleware

_HERE = Path(__file__).parent
# Scripts that Streamlit runs; importing them would draw a page.
_PAGE_SCRIPTS = ("app", "app_pages", "page_frame")
# Open to everyone, since a container's probe has no token.
_HEALTH_PATH = "/_stcore/health"
# Streamlit's own scripts, and the components of this app, which it loads as blobs.
_CSP = {
    "default-src": "'self'",
    "script-src": "'self' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "worker-src": "'self' blob:",
}
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def warm_up() -> None:
    """Do what the first viewer would wait for: import modules, compress the charts' libraries.

    Streamlit collects garbage after each page run. Freezing the loaded objects keeps that fast.
    """
    for part in walk_packages([str(_HERE)], "streamlit_app."):
        if part.name.split(".")[1] not in _PAGE_SCRIPTS:
            import_module(part.name)
    registry.find_providers()
    for library in LIBRARIES:
        library.compressed_script  # noqa: B018
    # Streamlit does this for the first element of a process; here it fills the caches of `inspect`.
    inspect.stack()
    freeze_loaded_objects()


@asynccontextmanager
async def _app_lifespan(_: st.App) -> AsyncIterator[None]:
    warm_up()
    yield


def build_app_policy() -> GuardPolicy:
    """Build the policy of the app; the scripts in Streamlit's page itself are allowed by hash."""
    settings = get_settings()
    page = Path(st.__file__).with_name("static") / "index.html"
    hashes = " ".join(map(_hash_script, _INLINE_SCRIPT.findall(page.read_text())))
    csp = {**_CSP, "script-src": f"{_CSP['script-src']} {hashes}".strip()}
    return build_guard_policy(settings, settings.app_link_url, csp=csp)


def _hash_script(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


if __name__ == "__main__":
    # Before the first warning, which may be about the tokens.
    app_logs.configure_app_logs()
    start_telemetry("app")

app = st.App(
    _HERE / "page_frame.py",
    routes=[*(library.route for library in LIBRARIES), CHART_SCRIPTS_ROUTE],
    middleware=[
        # Before Streamlit, which would ask another server for its own address to compare origins.
        Middleware(RequestGuardMiddleware, build_app_policy()),
        Middleware(AccessMiddleware, auth.get_access_control(), open_paths=[_HEALTH_PATH]),
        Middleware(PageStylesMiddleware),
        Middleware(ViewerLimitsMiddleware),
        Middleware(ClosedSocketMiddleware),
    ],
    lifespan=_app_lifespan,
)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
def serve(host: str, port: int) -> None:
    """Serve the app until Ctrl-C."""
    require_free_port(port, host)
    proxies = get_settings().trusted_proxies
    serve_app(app, port, host, trusted_proxies=proxies, websockets=True, log_level="error")


if __name__ == "__main__":
    serve()
