"""Who may read and who may change things: one rule for the app, the API and Dagster's webserver.

    access = open_access_control(settings)                  once in a server
    app = AccessMiddleware(app, access, open_paths)         finds out who sends a request
    get_caller(scope)                                       in the app: Caller(role, name, address)
    caller.is_operator                                      required for changes
    build_bearer_headers(settings)                          for our own requests to a server
    access.create_unlock_link("http://127.0.0.1:8501")      for the terminal

**Roles.** `Role.VIEWER` may read, `Role.OPERATOR` may also change things. Everyone who reaches a
port is a viewer, unless `CRYPTO_VIEWER_TOKEN` or a provider of logins is set. No right follows from
the address of the client, the Host header, or a header that is missing.

**Tokens.** The operator's token is `CRYPTO_OPERATOR_TOKEN`, else the file `operator-token` in the
home, which `ensure_operator_token` writes. Programs send it as `Authorization: Bearer`.

**Login.** Where `CRYPTO_OIDC_METADATA_URL` is set, people log in at that provider through `/login`,
and have the role of the settings. Reading then requires a login or a token.

**Sessions.** A browser sends the cookie `crypto_session`, signed with a key of both tokens, so that
every server with the same tokens accepts it, and none after a change of a token. The middleware
serves `/unlock`, which sets the cookie for a token or for the code of a link, and `/lock`, which
ends the session. Since browsers send cookies with requests that another site caused,
`AccessControl.is_own_page` must hold for changes by `Credential.COOKIE`.

**One-time codes.** A code is a signed random id, valid for 15 minutes. Any server with the same
operator token accepts it. Servers that share a home accept it once in all; others once each.

**Guessing.** After two wrong tokens an address waits longer for each answer, after eight it gets
429 for five minutes, unless it has a right token that is too long to guess.
"""

from crypto_assets.access.control import (
    SESSION_COOKIE,
    AccessControl,
    TokenRefused,
    open_access_control,
)
from crypto_assets.access.middleware import AccessMiddleware, get_caller, refusal_response
from crypto_assets.access.roles import Caller, Credential, Role
from crypto_assets.access.signatures import (
    CODE_SECONDS,
    RECORDED_HEADER,
    sign_recorded_request,
)
from crypto_assets.access.spent_ids import SpentIds
from crypto_assets.access.tokens import (
    build_bearer_headers,
    ensure_operator_token,
    find_operator_token,
    get_token_file,
    list_token_problems,
)
from crypto_assets.access.unlock_page import LOCK_PATH, UNLOCK_PATH

__all__ = [
    "CODE_SECONDS",
    "LOCK_PATH",
    "RECORDED_HEADER",
    "SESSION_COOKIE",
    "UNLOCK_PATH",
    "AccessControl",
    "AccessMiddleware",
    "Caller",
    "Credential",
    "Role",
    "SpentIds",
    "TokenRefused",
    "build_bearer_headers",
    "ensure_operator_token",
    "find_operator_token",
    "get_caller",
    "get_token_file",
    "list_token_problems",
    "open_access_control",
    "refusal_response",
    "sign_recorded_request",
]
