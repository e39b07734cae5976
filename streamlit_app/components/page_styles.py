"""What the pages need early, in Streamlit's own page: their styles, and the scripts of the chart.

An element that contains a style is drawn when its script has been loaded: until then the page has
another layout, and jumps. The scripts are loaded while Streamlit starts, not after it.
"""

from functools import cache
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamlit_app.components.chart_scripts import list_script_paths
from streamlit_app.components.script_libraries import LIGHTWEIGHT_CHARTS

_HERE = Path(__file__)
_STYLES = "".join(
    _HERE.with_name(name).read_text(encoding="utf-8")
    for name in ("page_frame.css", "analytics_page.css")
)
_STYLE_ELEMENT = f"<style>{_STYLES}</style>".encode()
_CHART_PAGE = "/analytics"
# Streamlit adds its own styles to the head, of which the later of two rules would apply.
_BODY_END = b"</body>"
# Without these headers, the response is the whole page, and not compressed. A page that is stored
# in the browser may be one without these styles.
_LEFT_OUT = frozenset({b"accept-encoding", b"if-none-match", b"if-modified-since", b"range"})
_VALIDATORS = ("etag", "last-modified", "accept-ranges")


class PageStylesMiddleware:
    """Adds the styles to every HTML page, and the scripts to that of the chart."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "text/html" not in Headers(scope=scope).get("accept", ""):
            await self._app(scope, receive, send)
            return
        headers = [header for header in scope["headers"] if header[0] not in _LEFT_OUT]
        elements = _STYLE_ELEMENT
        if scope["path"].endswith(_CHART_PAGE):
            elements += _build_preloads()
        response = _ExtendedResponse(send, elements)
        await self._app({**scope, "headers": headers}, receive, response.send)


@cache
def _build_preloads() -> bytes:
    modules = (f'<link rel="modulepreload" href="{path}">' for path in list_script_paths())
    library = f'<link rel="preload" as="script" href="{LIGHTWEIGHT_CHARTS.script_name}">'
    return (library + "".join(modules)).encode()


class _ExtendedResponse:
    """Holds the start of an HTML response back until its body is complete."""

    def __init__(self, send: Send, elements: bytes) -> None:
        self._send = send
        self._elements = elements
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_html(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_page(self._start)

    async def _send_page(self, start: Message) -> None:
        body = self._body.replace(_BODY_END, self._elements + _BODY_END, 1)
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["content-length"] = str(len(body))
        for name in _VALIDATORS:
            del headers[name]
        await self._send({**start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})


def _is_html(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith("text/html")
