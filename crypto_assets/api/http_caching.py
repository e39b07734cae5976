"""ETag and Cache-Control: what has not changed is not sent again, what ages is never kept."""

from collections.abc import Callable, Coroutine
from hashlib import blake2b
from typing import Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

# A cache may keep an answer, and asks each time whether it still holds.
REVALIDATE = "no-cache"
_NO_STORE = "no-store"


async def _forbid_caching(response: Response) -> None:
    response.headers["Cache-Control"] = _NO_STORE


# For answers that hold the time they were made at: each is another, and none a 304.
ForbidCaching = Depends(_forbid_caching)


class ETagRoute(APIRoute):
    """Marks each successful answer to a GET, and answers 304 to whom has it already."""

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
    # Weak: the same answer is sent compressed and not.
    tag = f'W/"{blake2b(bytes(response.body), digest_size=16).hexdigest()}"'
    response.headers["ETag"] = tag
    response.headers.setdefault("Cache-Control", REVALIDATE)
    if not _matches_etag(request.headers.get("if-none-match", ""), tag):
        return response
    kept = {name: response.headers[name] for name in ("ETag", "Cache-Control")}
    return Response(status_code=304, headers=kept)


def _matches_etag(known: str, tag: str) -> bool:
    given = {one.strip().removeprefix("W/") for one in known.split(",")}
    return "*" in given or tag.removeprefix("W/") in given
