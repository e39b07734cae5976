"""The session's cookie, and the headers of pages about access."""

from collections.abc import Mapping

from starlette.responses import HTMLResponse, Response

from crypto_assets.access.control import SESSION_COOKIE
from crypto_assets.access.signatures import SESSION_SECONDS

PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # With "no-referrer", browsers hide the origin of forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def page_response(
    html: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a page that may not be framed, stored, or load anything."""
    return HTMLResponse(html, status, {**PAGE_HEADERS, **(headers or {})})


def set_session_cookie(response: Response, session: str, *, is_secure: bool) -> None:
    """Set the cookie; with `is_secure`, the browser sends it over HTTPS only."""
    response.set_cookie(
        SESSION_COOKIE,
        session,
        max_age=SESSION_SECONDS,
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="strict",
    )


def delete_session_cookie(response: Response) -> None:
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="strict")
