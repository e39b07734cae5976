"""Signed texts: session cookies, and one-time codes that unlock a browser."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from itsdangerous import BadData, URLSafeTimedSerializer

from crypto_assets.access.roles import Role

SESSION_SECONDS = 30 * 24 * 3600
# Of a person whom a provider names, who may lose the account there.
LOGIN_SECONDS = 24 * 3600
CODE_SECONDS = 15 * 60
_SESSION_PURPOSE, _CODE_PURPOSE = "crypto-assets session", "crypto-assets unlock code"
_RECORDED_PURPOSE = "crypto-assets recorded request"
# Has the signature of a request that its sender records in the change log.
RECORDED_HEADER = "X-Crypto-Recorded"


@dataclass(frozen=True)
class SignedSession:
    """The content of a cookie."""

    session_id: str
    role: Role
    name: str


class SessionSigner:
    """Signs sessions with a key of both tokens, so that a change of either ends all of them."""

    def __init__(self, operator_token: str, viewer_token: str) -> None:
        key = derive_key(f"{operator_token}\0{viewer_token}")
        self._serializer = URLSafeTimedSerializer(key, salt=_SESSION_PURPOSE)

    def sign_session(self, role: Role, name: str) -> str:
        return str(self._serializer.dumps([secrets.token_hex(12), int(role), name]))

    def read_session(self, text: str) -> SignedSession | None:
        """Return the session of a cookie, None if it is forged or expired."""
        try:
            content, signed_at = self._serializer.loads(
                text, max_age=SESSION_SECONDS, return_timestamp=True
            )
        except BadData:
            return None
        session_id, role, name = content
        if name and datetime.now(UTC) - signed_at > timedelta(seconds=LOGIN_SECONDS):
            return None
        return SignedSession(session_id, Role(role), name)


class CodeSigner:
    """Signs one-time codes with a key of the operator's token, in one process for another."""

    def __init__(self, operator_token: str) -> None:
        self._serializer = URLSafeTimedSerializer(derive_key(operator_token), salt=_CODE_PURPOSE)

    def sign_code(self) -> str:
        return str(self._serializer.dumps(secrets.token_hex(12)))

    def read_code(self, text: str) -> str | None:
        """Return the id of a code, None if it is forged or expired."""
        try:
            return str(self._serializer.loads(text, max_age=CODE_SECONDS))
        except BadData:
            return None


def sign_recorded_request(operator_token: str, text: str) -> str:
    """Sign a request of our own program to a server, which need not record it in the change log."""
    key = f"{_RECORDED_PURPOSE}\0{operator_token}".encode()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=8)
def derive_key(secret: str) -> bytes:
    """Derive a key; slowly, so that a cookie is of little use for guessing a short token."""
    return hashlib.scrypt(secret.encode(), salt=b"crypto-assets access", n=2**14, r=8, p=1)
