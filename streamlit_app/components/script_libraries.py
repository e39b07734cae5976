"""The JavaScript modules of the charts: libraries from installed Python packages, and our own.

Plotly's library is in its own package. Lightweight Charts by TradingView (Apache License 2.0) is
not published for Python; `akquant-lwc` contains its unmodified standalone file, of which only the
file is used. `NOTICE` has the attribution that its license demands, and the chart shows it.
"""

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import plotly
from plotly.offline import get_plotlyjs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from crypto_assets.errors import IncompleteInstallation

SCRIPT_HEADERS = {
    "Content-Type": "text/javascript; charset=utf-8",
    "Cache-Control": "public, max-age=31536000, immutable",
    "Vary": "Accept-Encoding",
}

_CARRIER = "akquant-lwc"
_CARRIED_FILE = "akquant_lwc/assets/lightweight-charts.standalone.production.js"
_LIGHTWEIGHT_CHARTS_VERSION = "5.2.0"
# Of `dist/lightweight-charts.standalone.production.js` in the npm package of this version.
_LIGHTWEIGHT_CHARTS_SHA256 = "c0992580867c4912cc9385b3c2728315bcc1a76c7f1087dca908430fccdf31d7"


@dataclass(frozen=True)
class ScriptLibrary:
    """A library as one script. The version in its name lets browsers cache it permanently."""

    script_name: str
    read: Callable[[], bytes]

    @cached_property
    def script(self) -> bytes:
        return self.read()

    @cached_property
    def compressed_script(self) -> bytes:
        return gzip.compress(self.script, 6)

    @property
    def route(self) -> Route:
        return Route(f"/{self.script_name}", self._serve)

    def _serve(self, request: Request) -> Response:
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers = SCRIPT_HEADERS | {"Content-Encoding": "gzip"}
            return Response(self.compressed_script, headers=headers)
        return Response(self.script, headers=SCRIPT_HEADERS)


def read_lightweight_charts() -> bytes:
    """Return the file, without importing its carrier. Raises IncompleteInstallation."""
    try:
        content = Path(str(distribution(_CARRIER).locate_file(_CARRIED_FILE))).read_bytes()
    except (PackageNotFoundError, OSError) as error:
        raise IncompleteInstallation(
            f"Lightweight Charts is missing: install {_CARRIER} of requirements.lock"
        ) from error
    if hashlib.sha256(content).hexdigest() != _LIGHTWEIGHT_CHARTS_SHA256:
        raise IncompleteInstallation(
            f"the file of Lightweight Charts in {_CARRIER} is not that of version "
            f"{_LIGHTWEIGHT_CHARTS_VERSION}: install the version of requirements.lock"
        )
    return content


PLOTLY = ScriptLibrary(f"plotly-{plotly.__version__}.min.js", lambda: str(get_plotlyjs()).encode())
LIGHTWEIGHT_CHARTS = ScriptLibrary(
    f"lightweight-charts-{_LIGHTWEIGHT_CHARTS_VERSION}.js", read_lightweight_charts
)
LIBRARIES = (PLOTLY, LIGHTWEIGHT_CHARTS)
