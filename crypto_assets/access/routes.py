"""The routes `/unlock` and `/lock`, which every server has."""

import asyncio
import math
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router

from crypto_assets.access.control import (
    AccessControl,
    TokenRefused,
    parse_session_cookie,
)
from crypto_assets.access.local_paths import require_local_path
from crypto_assets.access.roles import Caller, Role
from crypto_assets.access.session_cookie import (
    PAGE_HEADERS,
    delete_session_cookie,
    page_response,
    set_session_cookie,
)
from crypto_assets.access.spent_ids import IdNotRemembered
from crypto_assets.access.unlock_page import LOCK_PATH, UNLOCK_PATH, build_unlock_page

_MAX_FORM_BYTES = 4096
_UNMARKED_LINK = (
    "The link cannot be marked as used, since the server's home cannot be written: enter the token."
)


def create_unlock_router(access: AccessControl) -> Router:
    """Create the ASGI app of the two routes."""
    routes = _UnlockRoutes(access)
    return Router(
        [
            Route(UNLOCK_PATH, routes.show_page, methods=["GET"]),
            Route(UNLOCK_PATH, routes.take_token, methods=["POST"]),
            Route(LOCK_PATH, routes.lock, methods=["POST"]),
        ],
        redirect_slashes=False,
    )


class _UnlockRoutes:
    def __init__(self, access: AccessControl) -> None:
        self._access = access

    async def show_page(self, request: Request) -> Response:
        """Use the code of a link, or show the form."""
        next_path = require_local_path(request.query_params.get("next", "/"))
        caller = self._find_session(request)
        if code := request.query_params.get("code"):
            return await self._use_code(request, caller, code, next_path)
        if "reading" in request.query_params and caller.is_viewer:
            return _redirect(next_path)
        return self._show_form(request, caller, next_path)

    async def take_token(self, request: Request) -> Response:
        """Check the token of the form, and start a session."""
        if not self._is_own_request(request):
            return _refuse_other_page()
        form = await _read_form(request)
        next_path = require_local_path(form.get("next", "/"))
        caller = self._find_session(request)
        try:
            role = self._access.check_token(form.get("token", "").strip(), caller.address)
        except TokenRefused as error:
            await asyncio.sleep(error.delay_seconds)
            return self._show_refusal(request, caller, next_path, error)
        return self._start_session(request, role, next_path)

    async def lock(self, request: Request) -> Response:
        """End the session."""
        if not self._is_own_request(request):
            return _refuse_other_page()
        self._access.end_session(parse_session_cookie(request.headers.get("cookie", "")))
        response = _redirect("/")
        delete_session_cookie(response)
        return response

    async def _use_code(
        self, request: Request, caller: Caller, code: str, next_path: str
    ) -> Response:
        # A browser that loads the page in advance must not use up the link.
        is_visit = request.method == "GET" and "sec-purpose" not in request.headers
        if not is_visit:
            return Response(status_code=503, headers=PAGE_HEADERS)
        try:
            if self._access.spend_code(code):
                return self._start_session(request, Role.OPERATOR, next_path)
        except IdNotRemembered:
            return self._show_form(request, caller, next_path, _UNMARKED_LINK, status=503)
        if caller.is_operator:
            return _redirect(next_path)
        problem = "The link has been used or has expired."
        return self._show_form(request, caller, next_path, problem, status=403)

    def _start_session(self, request: Request, role: Role, next_path: str) -> Response:
        response = _redirect(next_path)
        session = self._access.create_session(role)
        is_secure = self._access.uses_https(request.headers, request.url.scheme)
        set_session_cookie(response, session, is_secure=is_secure)
        return response

    def _show_refusal(
        self, request: Request, caller: Caller, next_path: str, error: TokenRefused
    ) -> Response:
        if not error.retry_after:
            return self._show_form(request, caller, next_path, "The token is wrong.", status=401)
        wait = str(math.ceil(error.retry_after))
        problem = f"Too many wrong tokens from this address: try again in {wait} seconds."
        return self._show_form(
            request, caller, next_path, problem, status=429, headers={"Retry-After": wait}
        )

    def _show_form(
        self,
        request: Request,
        caller: Caller,
        next_path: str,
        problem: str = "",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        own_origin = f"{request.url.scheme}://{request.headers.get('host', '')}"
        html = build_unlock_page(
            caller,
            next_path,
            problem,
            has_operator=self._access.has_operator,
            sign_in_url=self._access.build_login_url(own_origin, next_path),
        )
        return page_response(html, status, headers)

    def _is_own_request(self, request: Request) -> bool:
        """Whether no page of another server sent the form."""
        return self._access.is_no_other_page(request.headers, request.url.scheme)

    def _find_session(self, request: Request) -> Caller:
        address = request.client.host if request.client else ""
        cookie = parse_session_cookie(request.headers.get("cookie", ""))
        return self._access.find_session(cookie, address)


def _refuse_other_page() -> Response:
    return page_response("The request came from a page of another origin.\n", 403)


async def _read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form; none if it is too large or has too many."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            return {}
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _redirect(path: str) -> Response:
    return RedirectResponse(path, 303, PAGE_HEADERS)
