"""The routes `/login` and `/login/callback`, between which the provider asks who a person is."""

import asyncio
import logging
import warnings
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from crypto_assets.access.control import AccessControl
from crypto_assets.access.login import CALLBACK_PATH, LOGIN_PATH, LoginOptions
from crypto_assets.access.roles import Caller, Role
from crypto_assets.access.session_cookie import page_response, set_session_cookie
from crypto_assets.access.signatures import derive_key
from crypto_assets.access.unlock_page import build_forward_page, build_unlock_page
from crypto_assets.foreign_text import shorten_text

_log = logging.getLogger(__name__)

# Holds the state of one login, for a few minutes. The request that the provider sends the browser
# back with comes from another site, so this cookie cannot be strict.
_STATE_COOKIE, _STATE_SECONDS = "crypto_login", 600
# For all requests to the provider within one of the browser.
_PROVIDER_SECONDS = 20.0


def create_login_app(access: AccessControl, login: LoginOptions) -> Starlette:
    """Create the ASGI app of the two routes."""
    routes = _LoginRoutes(access, login)
    state = Middleware(
        SessionMiddleware,
        secret_key=derive_key(login.client_secret.get_secret_value()).hex(),
        session_cookie=_STATE_COOKIE,
        max_age=_STATE_SECONDS,
        path=LOGIN_PATH,
        same_site="lax",
        https_only=login.app_url.startswith("https:"),
    )
    return Starlette(
        routes=[
            Route(LOGIN_PATH, routes.start_login, methods=["GET"]),
            Route(CALLBACK_PATH, routes.finish_login, methods=["GET"]),
        ],
        middleware=[state],
    )


class _LoginRoutes:
    def __init__(self, access: AccessControl, login: LoginOptions) -> None:
        self._access, self._login = access, login
        self._provider, self._errors = _open_provider(login)

    async def start_login(self, request: Request) -> Response:
        """Send the browser to the provider."""
        request.session["next"] = self._access.require_own_address(
            request.query_params.get("next", "/")
        )
        try:
            async with asyncio.timeout(_PROVIDER_SECONDS):
                response: Response = await self._provider.authorize_redirect(
                    request, self._login.callback_url
                )
        except self._errors as error:
            return self._refuse(request, "The provider of logins does not respond.", 502, error)
        return response

    async def finish_login(self, request: Request) -> Response:
        """Start the session of the person whom the provider names."""
        next_address = request.session.pop("next", "/")
        try:
            async with asyncio.timeout(_PROVIDER_SECONDS):
                person = await self._fetch_person(request)
        except self._errors as error:
            return self._refuse(request, "The login has failed: start it again.", 403, error)
        email = str(person.get("email") or "")
        if problem := self._find_problem(email, person.get("email_verified")):
            return self._refuse(request, problem, 403)
        role = self._login.find_role(email)
        if role is Role.NONE:
            return self._refuse(request, f"{email} may not read this server.", 403)
        response = page_response(build_forward_page(next_address))
        session = self._access.create_session(role, email)
        is_secure = self._access.uses_https(request.headers, request.url.scheme)
        set_session_cookie(response, session, is_secure=is_secure)
        return response

    async def _fetch_person(self, request: Request) -> Mapping[str, Any]:
        """Return the claims about the person, which some providers keep out of the ID token."""
        token = await self._provider.authorize_access_token(request)
        person: Mapping[str, Any] = token.get("userinfo") or {}
        if not person.get("sub") or "email" in person:
            return person
        claims: Mapping[str, Any] = await self._provider.userinfo(token=token)
        return claims if claims.get("sub") == person["sub"] else {}

    def _find_problem(self, email: str, verified: object) -> str:
        """Return why an e-mail address does not count; "" if it does.

        Some providers write the claim `email_verified` as text, and some do not have it.
        """
        if not email:
            return "The provider names no e-mail address."
        if str(verified).lower() == "true":
            return ""
        if verified is not None:
            return "The provider names no e-mail address that it has verified."
        if self._login.accepts_unconfirmed:
            return ""
        return (
            "The provider does not say whether it has verified the e-mail address (the claim "
            "email_verified). If only its administrators can set addresses, set "
            "CRYPTO_OIDC_ACCEPT_UNCONFIRMED_EMAILS=true."
        )

    def _refuse(
        self, request: Request, problem: str, status: int, error: Exception | None = None
    ) -> Response:
        address = request.client.host if request.client else "unknown"
        reason = f"{type(error).__name__}: {shorten_text(error)}" if error else ""
        _log.warning("login from %s refused: %s %s", address, problem, reason)
        caller = Caller(Role.VIEWER if self._access.reading_is_open else Role.NONE)
        page = build_unlock_page(
            caller,
            "/",
            problem,
            has_operator=self._access.has_operator,
            sign_in_url=LOGIN_PATH,
        )
        return page_response(page, status)


def _open_provider(login: LoginOptions) -> tuple[Any, tuple[type[Exception], ...]]:
    """Return Authlib's client of the provider, and what its requests raise.

    Imported here, since only servers with a provider need it.
    """
    with warnings.catch_warnings():
        # The import of this module shows all of its warnings; later filters take precedence.
        import authlib.deprecate  # noqa: F401

        # It prefers a package that nothing else here uses.
        warnings.filterwarnings("ignore", message="The httpx module is deprecated")
        from authlib.integrations.starlette_client import OAuth
    import httpx
    from authlib.common.errors import AuthlibBaseError
    from joserfc.errors import JoseError

    from crypto_assets.access.provider_limits import build_event_hooks

    provider = OAuth().register(
        "oidc",
        server_metadata_url=login.metadata_url,
        client_id=login.client_id,
        client_secret=login.client_secret.get_secret_value(),
        client_kwargs={
            "scope": "openid email",
            "code_challenge_method": "S256",
            "event_hooks": build_event_hooks(login.metadata_url),
        },
    )
    # RuntimeError and KeyError: metadata without an address that the login needs. ValueError: a
    # response that is not JSON.
    metadata_errors = (RuntimeError, KeyError, ValueError)
    return provider, (
        *(AuthlibBaseError, httpx.HTTPError, httpx.InvalidURL, JoseError, TimeoutError),
        *metadata_errors,
    )
