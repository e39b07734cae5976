"""HTTP caching: ETags for responses that can be revalidated, no-store for all others."""

from collections.abc import Callable, Coroutine
from hashlib import blake2b
from typing import Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

# A cache may store a response, but must revalidate it before each use.
REVALIDATE = "no-cache"
_NO_STORE = "no-store"


async def _forbid_caching(response: Response) -> None:
    response.headers["Cache-Control"] = _NO_STORE


# For responses that contain the time of the request, and so are never the same twice.
ForbidCaching = Depends(_forbid_caching)


class ETagRoute(APIRoute):
    """Add an ETag to each successful GET response; return 304 if the client already has it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_with_etag(request: Request) -> Response:
            response = await handle(request)
            if request.method != "GET" or response.status_code != 200:
                response.headers.setdefault("Cache-Control", _NO_STORE)
            if response.headers.get("Cache-Control") == _NO_STORE:
                return response
            return _add_etag(request, response)

        return handle_with_etag


def _add_etag(request: Request, response: Response) -> Response:
    # Weak, because the same response is sent both compressed and uncompressed.
    tag = f'W/"{blake2b(bytes(response.body), digest_size=16).hexdigest()}"'
    response.headers["ETag"] = tag
    response.headers.setdefault("Cache-Control", REVALIDATE)
    if not _matches_etag(request.headers.get("if-none-match", ""), tag):
        return response
    headers = {name: response.headers[name] for name in ("ETag", "Cache-Control")}
    return Response(status_code=304, headers=headers)


def _matches_etag(if_none_match: str, tag: str) -> bool:
    known = {item.strip().removeprefix("W/") for item in if_none_match.split(",")}
    return "*" in known or tag.removeprefix("W/") in known
