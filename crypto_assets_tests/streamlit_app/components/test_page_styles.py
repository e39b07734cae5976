"""What a page needs early is in Streamlit's page itself, whatever the browser has stored."""

import asyncio
import re

from httpx import ASGITransport, AsyncClient, Response
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.responses import Response as PlainResponse
from starlette.routing import Route

from streamlit_app.components.chart_scripts import CHART_SCRIPTS_ROUTE, SCRIPT_NAMES
from streamlit_app.components.page_styles import PageStylesMiddleware
from streamlit_app.components.script_libraries import LIGHTWEIGHT_CHARTS

STORED = {"If-None-Match": '"1"', "Accept-Encoding": "gzip"}
HTML, SCRIPT = {"Accept": "text/html,*/*;q=0.8"}, {"Accept": "*/*"}


def serve_page(request: Request) -> PlainResponse:
    """Return a page in two parts, or 304 if the browser has it."""
    if "if-none-match" in request.headers:
        return PlainResponse(status_code=304)
    parts = (part.encode() for part in ("<head></head><body>" + " " * 2000, "x</body>"))
    return StreamingResponse(parts, media_type="text/html", headers={"ETag": '"1"'})


def serve_text(request: Request) -> PlainResponse:
    return PlainTextResponse("</body>" if "if-none-match" not in request.headers else "stored")


async def _get_all() -> tuple[Response, Response, Response]:
    app = Starlette(
        routes=[Route("/", serve_page), Route("/text", serve_text)],
        middleware=[Middleware(PageStylesMiddleware), Middleware(GZipMiddleware)],
    )
    async with AsyncClient(transport=ASGITransport(app), base_url="http://app") as client:
        return (
            await client.get("/", headers=STORED | HTML),
            await client.get("/text", headers=STORED | SCRIPT),
            await client.get("/text", headers=HTML),
        )


def test_every_page_has_the_styles_and_nothing_else_does() -> None:
    page, script, text = asyncio.run(_get_all())
    assert page.status_code == 200 and page.text.endswith("</style></body>")
    assert ".st-key-status_bar" in page.text and ".st-key-workspace" in page.text
    assert int(page.headers["content-length"]) == len(page.content)
    assert "etag" not in page.headers
    assert script.text == "stored" and text.text == "</body>"


async def _load_early(path: str) -> list[str]:
    """Return the paths that the page loads early, which are served."""
    app = Starlette(
        routes=[
            Route("/markets/analytics", serve_page),
            Route("/", serve_page),
            CHART_SCRIPTS_ROUTE,
            LIGHTWEIGHT_CHARTS.route,
        ],
        middleware=[Middleware(PageStylesMiddleware)],
    )
    async with AsyncClient(transport=ASGITransport(app), base_url="http://app") as client:
        page = await client.get(path, headers=HTML)
        early = re.findall(
            r'<link rel="(?:module)?preload" (?:as="script" )?href="(.+?)">', page.text
        )
        for each in early:
            assert (await client.get(f"/{each}")).status_code == 200
        return early


def test_the_page_of_the_chart_loads_its_scripts_early() -> None:
    early = asyncio.run(_load_early("/markets/analytics"))
    names = {path.rpartition("/")[2] for path in early}
    assert names == {*SCRIPT_NAMES, LIGHTWEIGHT_CHARTS.script_name}
    assert asyncio.run(_load_early("/")) == []
