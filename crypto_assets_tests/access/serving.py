"""Serve a small app behind AccessMiddleware, over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from crypto_assets.access import SESSION_COOKIE, AccessControl, AccessMiddleware, get_caller
from crypto_assets.http_server import serve_in_thread

OPERATOR_TOKEN = "correct-horse-battery-staple"
VIEWER_TOKEN = "only-for-looking-at-things"


@dataclass(frozen=True)
class Browser:
    """Requests to one server, with the cookies that it set."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **headers: str) -> requests.Response:
        return self._send("GET", path, headers)

    def post(self, path: str, data: dict[str, str], **headers: str) -> requests.Response:
        return self._send("POST", path, {"Origin": self.url, **headers}, data=data)

    def read_role(self, **headers: str) -> str:
        """Return the role that the app sees."""
        return str(self.get("/role", **headers).json()["role"])

    def get_cookie(self) -> str:
        return str(self.session.cookies[SESSION_COOKIE])

    def _send(
        self, method: str, path: str, headers: dict[str, str], **options: Any
    ) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.request(
            method, self.url + path, headers=named, timeout=30, allow_redirects=False, **options
        )


async def show_role(scope: Scope, receive: Receive, send: Send) -> None:
    """Return the caller's role, of every path."""
    if scope["type"] != "http":
        return
    caller = get_caller(scope)
    content = {
        "role": caller.role.name,
        "credential": caller.credential,
        "path": Request(scope).url.path,
    }
    response: Response = JSONResponse(content)
    await response(scope, receive, send)


@contextmanager
def serve_role_app(access: AccessControl | None = None) -> Iterator[Browser]:
    """Serve until the `with` block ends; `/open` needs no viewer."""
    access = access or AccessControl(SecretStr(OPERATOR_TOKEN))
    with serve_in_thread(AccessMiddleware(show_role, access, {"/open"})) as url:
        yield Browser(url)
