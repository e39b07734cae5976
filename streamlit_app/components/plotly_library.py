"""Plotly's JavaScript as the installed package brings it, served from here and nowhere else."""

import gzip
from functools import lru_cache

import plotly
from plotly.offline import get_plotlyjs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

# The version stands in the address, so that a browser may keep the file for good.
NAME = f"plotly-{plotly.__version__}.min.js"

_HEADERS = {
    "Content-Type": "text/javascript; charset=utf-8",
    "Cache-Control": "public, max-age=31536000, immutable",
    "Vary": "Accept-Encoding",
}


@lru_cache(maxsize=1)
def _plain() -> bytes:
    return str(get_plotlyjs()).encode()


@lru_cache(maxsize=1)
def zipped() -> bytes:
    return gzip.compress(_plain(), 6)


def _serve(request: Request) -> Response:
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(zipped(), headers=_HEADERS | {"Content-Encoding": "gzip"})
    return Response(_plain(), headers=_HEADERS)


ROUTE = Route(f"/{NAME}", _serve)
