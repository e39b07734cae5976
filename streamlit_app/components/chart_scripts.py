"""The scripts of the candle chart: modules that import each other, served under one path.

A component's own script is sent with each message, and cannot import files. So it only loads these
modules, which browsers cache permanently: the path contains a digest of their content.
"""

import hashlib
from functools import cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streamlit_app.components.script_libraries import SCRIPT_HEADERS

_FOLDER = Path(__file__).with_name("chart_modules")
_ENTRY_NAME = "candle_chart.js"
SCRIPT_NAMES = tuple(sorted(path.name for path in _FOLDER.glob("*.js")))


@cache
def _read_scripts() -> dict[str, bytes]:
    return {name: (_FOLDER / name).read_bytes() for name in SCRIPT_NAMES}


@cache
def get_entry_path() -> str:
    """Return the path of the module whose default export draws the chart."""
    return f"chart-{_get_digest()}/{_ENTRY_NAME}"


def list_script_paths() -> list[str]:
    """List the paths of all modules."""
    return [f"chart-{_get_digest()}/{name}" for name in SCRIPT_NAMES]


@cache
def _get_digest() -> str:
    return hashlib.sha256(b"\0".join(_read_scripts().values())).hexdigest()[:16]


def _serve(request: Request) -> Response:
    script = _read_scripts().get(request.path_params["name"])
    if script is None or request.path_params["digest"] != _get_digest():
        raise HTTPException(404)
    return Response(script, headers=SCRIPT_HEADERS)


CHART_SCRIPTS_ROUTE = Route("/chart-{digest}/{name}", _serve)
