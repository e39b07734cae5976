"""Who may read and who may change things: one rule for the app, the API and Dagster's pages."""

import logging
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from urllib.parse import urlencode

from pydantic import SecretStr
from starlette.requests import cookie_parser

from crypto_assets.access.brake import GuessBrake
from crypto_assets.access.local_paths import require_own_address
from crypto_assets.access.login import LOGIN_PATH, LoginOptions, find_login_options
from crypto_assets.access.roles import Caller, Credential, Role
from crypto_assets.access.signatures import CodeSigner, SessionSigner, sign_recorded_request
from crypto_assets.access.spent_ids import IdNotRemembered, SpentIds
from crypto_assets.access.tokens import (
    SAFE_TOKEN_LENGTH,
    find_operator_token,
    list_token_problems,
    tokens_equal,
)
from crypto_assets.errors import WrongUse
from crypto_assets.request_origins import RequestSource, list_origins
from crypto_assets.settings import Settings

_log = logging.getLogger(__name__)

SESSION_COOKIE = "crypto_session"


class TokenRefused(Exception):
    """A wrong token, or one of an address with too many wrong ones.

    `delay_seconds` is how long to wait before the answer. `retry_after` is 0 for a wrong token,
    else the seconds for which every token of the address is refused.
    """

    def __init__(self, delay_seconds: float = 0, retry_after: float = 0) -> None:
        super().__init__("the token is wrong" if not retry_after else "too many wrong tokens")
        self.delay_seconds = delay_seconds
        self.retry_after = retry_after


class AccessControl:
    """Finds the role of a caller from a token or a session. Thread-safe.

    Without `viewer_token` and `login`, everyone may read. Without `operator_token`,
    no one may change anything. `public_origins` are addresses of the servers behind a proxy.
    """

    def __init__(
        self,
        operator_token: SecretStr | None,
        viewer_token: SecretStr | None = None,
        *,
        login: LoginOptions | None = None,
        spent_ids: SpentIds | None = None,
        public_origins: Collection[str] = (),
    ) -> None:
        if operator_token and viewer_token and operator_token == viewer_token:
            raise WrongUse("CRYPTO_VIEWER_TOKEN is the operator's token: set another one")
        self._operator_token, self._viewer_token = operator_token, viewer_token
        self.login = login
        self.reading_is_open = not (viewer_token or login)
        # Not from the viewer's token: its holders must not be able to sign an operator's session.
        known = operator_token or (login.client_secret if login else None)
        key = _reveal(known) or secrets.token_urlsafe(32)
        self._sessions = SessionSigner(key, _reveal(viewer_token))
        self._codes = CodeSigner(key)
        self._spent_ids = spent_ids or SpentIds()
        self._brake = GuessBrake()
        self._public_origins = public_origins

    @property
    def has_operator(self) -> bool:
        """Whether someone has the operator's token, which links and other programs need."""
        return self._operator_token is not None

    @property
    def can_unlock(self) -> bool:
        """Whether there is a way to become an operator."""
        return self.has_operator or self.login is not None

    def find_caller(self, headers: Mapping[str, str], address: str = "") -> Caller:
        """Return who sends a request, from its headers with lower-case names.

        Raises TokenRefused for a wrong token; a cookie that is forged or expired has no effect.
        """
        token = parse_bearer_token(headers.get("authorization", ""))
        if token is not None:
            role = self.check_token(token, address)
            return Caller(role, Credential.TOKEN, address=address)
        return self.find_session(parse_session_cookie(headers.get("cookie", "")), address)

    def find_session(self, cookie: str, address: str = "") -> Caller:
        """Return whom a session cookie names; without a valid one, who has not unlocked."""
        session = self._sessions.read_session(cookie) if cookie else None
        if session is None or self._spent_ids.is_spent(session.session_id):
            role = Role.VIEWER if self.reading_is_open else Role.NONE
            return Caller(role, address=address)
        role = session.role
        if session.name:
            # What the settings say now, not at the time of the login.
            known = self.login.find_role(session.name) if self.login else Role.NONE
            role = max(known, Role.VIEWER if self.reading_is_open else Role.NONE)
        return Caller(role, Credential.COOKIE, session.name, address)

    def is_own_page(self, headers: Mapping[str, str], scheme: str) -> bool:
        """Whether a browser sent the request for a page of the same server."""
        source = _find_source(headers, scheme)
        return source.has_page and source.is_own(self._public_origins)

    def is_no_other_page(self, headers: Mapping[str, str], scheme: str) -> bool:
        """Whether no page of another server caused the request; a program may have sent it."""
        return _find_source(headers, scheme).is_own(self._public_origins)

    def uses_https(self, headers: Mapping[str, str], scheme: str) -> bool:
        """Whether the browser speaks HTTPS, so that it accepts a cookie for HTTPS only."""
        return _find_source(headers, scheme).uses_https(self._public_origins)

    def require_own_address(self, address: str) -> str:
        """Return an address of this installation for a redirect: "/" in place of any other."""
        return require_own_address(address, self._public_origins)

    def build_login_url(self, origin: str, next_path: str) -> str:
        """Return where a login begins that returns to a page of `origin`; "" without a provider."""
        if not self.login:
            return ""
        app = self.login.app_url.rstrip("/")
        returns_to = next_path if origin == app else f"{origin}{next_path}"
        return f"{app}{LOGIN_PATH}?{urlencode({'next': returns_to})}"

    def check_token(self, token: str, address: str) -> Role:
        """Return the role that a token gives. Raises TokenRefused.

        Wrong tokens of an address do not lock out a right one of it that is too long to guess: the
        clients behind one proxy have one address, and so have all programs of this machine.
        """
        role = self._find_role(token)
        may_be_guess = role is None or len(token) < SAFE_TOKEN_LENGTH
        if may_be_guess and (seconds := self._brake.get_refusal_seconds(address)):
            raise TokenRefused(retry_after=seconds)
        if role is None:
            raise TokenRefused(self._brake.record_failure(address))
        # A viewer's failures are kept: viewers must not guess the operator's token.
        if role is Role.OPERATOR:
            self._brake.forget_failures(address)
        return role

    def is_recorded_by_sender(self, signature: str, text: str) -> bool:
        """Whether one of our own programs signed a request that it records itself."""
        if self._operator_token is None:
            return False
        expected = sign_recorded_request(_reveal(self._operator_token), text)
        return tokens_equal(signature, SecretStr(expected))

    def create_session(self, role: Role, name: str = "") -> str:
        """Return the value of a new session cookie."""
        return self._sessions.sign_session(role, name)

    def end_session(self, cookie: str) -> None:
        """Make a session invalid, also in other tabs and for others who copied the cookie."""
        if session := self._sessions.read_session(cookie):
            # This server remembers it nevertheless.
            with suppress(IdNotRemembered):
                self._spent_ids.spend(session.session_id)

    def create_unlock_link(self, base_url: str) -> str:
        """Return a link that unlocks one browser, once, within some minutes.

        Raises WrongUse without an operator's token.
        """
        if not self.has_operator:
            raise WrongUse("there is no operator token: run `crypto-assets init`")
        query = urlencode({"code": self._codes.sign_code()})
        return f"{base_url.rstrip('/')}/unlock?{query}"

    def spend_code(self, code: str) -> bool:
        """Use up the code of a link; return whether it was valid and new.

        Raises IdNotRemembered if it could open another browser later.
        """
        code_id = self._codes.read_code(code)
        return code_id is not None and self._spent_ids.spend(code_id)

    def _find_role(self, token: str) -> Role | None:
        if tokens_equal(token, self._operator_token):
            return Role.OPERATOR
        return Role.VIEWER if tokens_equal(token, self._viewer_token) else None


def open_access_control(settings: Settings) -> AccessControl:
    """Build the access rule of the settings, and log what weakens it.

    Raises WrongUse for an unusable token.
    """
    for problem in list_token_problems(settings):
        _log.warning(problem)
    return AccessControl(
        find_operator_token(settings),
        settings.viewer_token,
        login=find_login_options(settings),
        spent_ids=SpentIds(settings.home),
        public_origins=list_origins((settings.app_link_url, settings.dagster_link_url)),
    )


def parse_bearer_token(authorization: str) -> str | None:
    """Return the token of an Authorization header, None if it is of another kind.

    Another kind may be meant for a proxy in front of the server.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    # Headers arrive as Latin-1, tokens are UTF-8.
    return token.strip().encode("latin-1", "replace").decode("utf-8", "replace")


def parse_session_cookie(header: str) -> str:
    """Return the session in a Cookie header, "" without one."""
    return cookie_parser(header).get(SESSION_COOKIE, "")


def _find_source(headers: Mapping[str, str], scheme: str) -> RequestSource:
    """Return what a request says about its page; `headers` have lower-case names."""
    sites, origins = headers.get("sec-fetch-site"), headers.get("origin")
    return RequestSource(
        [] if sites is None else [sites],
        [] if origins is None else [origins],
        headers.get("host", ""),
        scheme,
    )


def _reveal(token: SecretStr | None) -> str:
    return token.get_secret_value() if token else ""
