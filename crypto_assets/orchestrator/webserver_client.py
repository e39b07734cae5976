"""GraphQL queries to Dagster's webserver, with errors that suggest a fix."""

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from crypto_assets.access import RECORDED_HEADER, sign_recorded_request
from crypto_assets.addresses import is_web_address, redact_address
from crypto_assets.errors import OrchestratorError, WrongUse
from crypto_assets.foreign_text import shorten_text
from crypto_assets.http_client import (
    REQUEST_ERRORS,
    HttpResponse,
    RequestTimeouts,
    describe_proxy_failure,
    open_session,
    send_request,
)

# Connect and read timeouts.
WEBSERVER_TIMEOUT_SECONDS = (2.0, 30.0)
TOO_MANY_REQUESTS = 429
# The largest responses list thousands of runs or partitions.
_MAX_RESPONSE_BYTES = 64 << 20

GraphQLObject = Mapping[str, Any]


class WebserverClient:
    """A thread-safe client of one webserver.

    Errors are OrchestratorError, whose message contains the address without its login.
    `timeout_seconds` are the connect and the read timeout. `token` is the operator's, which the
    webserver requires for changes; the caller of a change records it in the change log.
    """

    def __init__(
        self,
        url: str,
        timeout_seconds: tuple[float, float] = WEBSERVER_TIMEOUT_SECONDS,
        token: SecretStr | None = None,
    ) -> None:
        self._address = url.rstrip("/")
        self.url = redact_address(self._address)
        connect, read = timeout_seconds
        self._timeouts = RequestTimeouts(connect, read, total=2 * read)
        self._token = token

    def run_query(self, query: str, **variables: object) -> dict[str, Any]:
        """Run a query or a mutation, and return the response's `data`."""
        if not is_web_address(self._address):
            raise OrchestratorError(
                f"CRYPTO_DAGSTER_URL {self.url!r} is not a valid address: use http:// or https:// "
                "and a host name"
            )
        try:
            with open_session(self._address) as session:
                response = send_request(
                    session,
                    "POST",
                    f"{self._address}/graphql",
                    json={"query": query, "variables": variables},
                    headers=self._build_headers(query),
                    timeouts=self._timeouts,
                    max_bytes=_MAX_RESPONSE_BYTES,
                )
        except WrongUse as error:
            raise OrchestratorError(f"cannot reach Dagster at {self.url}: {error}") from error
        except REQUEST_ERRORS as error:
            if reason := describe_proxy_failure(self._address, error):
                raise OrchestratorError(f"cannot reach Dagster at {self.url}: {reason}") from None
            raise OrchestratorError(
                f"Dagster does not respond at {self.url}: start it with `crypto-assets up`, "
                "or set CRYPTO_DAGSTER_URL"
            ) from error
        if response.is_redirect:
            raise OrchestratorError(
                f"Dagster at {self.url} redirects (HTTP {response.status}), which is not followed: "
                "set CRYPTO_DAGSTER_URL to the address of Dagster's webserver itself"
            )
        if response.status == TOO_MANY_REQUESTS:
            wait = shorten_text(response.headers.get("Retry-After", "300"))
            raise OrchestratorError(
                f"Dagster at {self.url} refused the request (HTTP 429) after too many wrong "
                f"tokens from this address: try again in {wait} s, and give all programs the same "
                "CRYPTO_OPERATOR_TOKEN, of 32 characters or more"
            )
        if response.status in (401, 403):
            raise OrchestratorError(
                f"Dagster at {self.url} refused the request (HTTP {response.status}): "
                "give all programs the same CRYPTO_OPERATOR_TOKEN"
            )
        payload = self._parse_payload(response)
        if not response.is_success or payload.get("errors") or "data" not in payload:
            raise OrchestratorError(f"Dagster at {self.url} failed: {_first_error(payload)}")
        data: dict[str, Any] = payload["data"]
        return data

    def _build_headers(self, query: str) -> dict[str, str]:
        """Return the token, and the mark of a change that the caller records in the change log."""
        if not self._token:
            return {}
        token = self._token.get_secret_value()
        return {
            "Authorization": f"Bearer {token}",
            RECORDED_HEADER: sign_recorded_request(token, query),
        }

    def _parse_payload(self, response: HttpResponse) -> GraphQLObject:
        try:
            payload = response.parse_json()
        except ValueError:
            payload = None
        if not isinstance(payload, dict):
            raise OrchestratorError(
                f"the server at {self.url} is not Dagster's webserver: start it with "
                "`crypto-assets up`, or set CRYPTO_DAGSTER_URL"
            )
        return payload

    def require_type(self, result: GraphQLObject, kind: str) -> GraphQLObject:
        """Return a result of the GraphQL type `kind`; raise OrchestratorError for another type."""
        if result["__typename"] != kind:
            reason = shorten_text(result.get("message") or result["__typename"])
            raise OrchestratorError(f"Dagster at {self.url} rejected the request: {reason}")
        return result


def epoch_seconds_to_ms(seconds: float) -> int:
    """Convert Dagster's fractional epoch seconds to epoch ms, rounded down as `to_epoch_ms` does.

    Dagster's times have whole microseconds, which a float holds until the year 2255.
    """
    return round(seconds * 1_000_000) // 1_000


def _first_error(payload: GraphQLObject) -> str:
    errors = payload.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    message = first.get("message") if isinstance(first, dict) else None
    return shorten_text(message or "the response has no data")
