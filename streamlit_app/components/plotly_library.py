"""Plotly's JavaScript, served from the installed Python package."""

import gzip
from functools import lru_cache

import plotly
from plotly.offline import get_plotlyjs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

# The version in the URL lets browsers cache the file permanently.
SCRIPT_NAME = f"plotly-{plotly.__version__}.min.js"

_HEADERS = {
    "Content-Type": "text/javascript; charset=utf-8",
    "Cache-Control": "public, max-age=31536000, immutable",
    "Vary": "Accept-Encoding",
}


@lru_cache(maxsize=1)
def _read_script() -> bytes:
    return str(get_plotlyjs()).encode()


@lru_cache(maxsize=1)
def compress_script() -> bytes:
    """Return the compressed script, from a cache after the first call."""
    return gzip.compress(_read_script(), 6)


def _serve_script(request: Request) -> Response:
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(compress_script(), headers=_HEADERS | {"Content-Encoding": "gzip"})
    return Response(_read_script(), headers=_HEADERS)


SCRIPT_ROUTE = Route(f"/{SCRIPT_NAME}", _serve_script)
