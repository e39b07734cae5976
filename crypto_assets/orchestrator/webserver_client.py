"""GraphQL queries to Dagster's webserver, with errors that suggest a fix."""

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from crypto_assets.addresses import is_web_address, redact_address
from crypto_assets.errors import OrchestratorError, WrongUse
from crypto_assets.http_client import REQUEST_ERRORS, describe_proxy_failure, open_session

# Connect and read timeouts.
WEBSERVER_TIMEOUT_SECONDS = (2.0, 30.0)

GraphQLObject = Mapping[str, Any]


class WebserverClient:
    """A thread-safe client of one webserver.

    Errors are OrchestratorError, whose message contains the address without its login.
    `timeout_seconds` are the connect and the read timeout. `token` is the operator's, which the
    webserver requires for changes.
    """

    def __init__(
        self,
        url: str,
        timeout_seconds: tuple[float, float] = WEBSERVER_TIMEOUT_SECONDS,
        token: SecretStr | None = None,
    ) -> None:
        self._address = url.rstrip("/")
        self.url = redact_address(self._address)
        self._timeout_seconds = timeout_seconds
        self._headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}

    def run_query(self, query: str, **variables: object) -> dict[str, Any]:
        """Run a query or a mutation, and return the response's `data`."""
        if not is_web_address(self._address):
            raise OrchestratorError(
                f"CRYPTO_DAGSTER_URL {self.url!r} is not a valid address: use http:// or https:// "
                "and a host name"
            )
        try:
            with open_session(self._address) as session:
                response = session.post(
                    f"{self._address}/graphql",
                    json={"query": query, "variables": variables},
                    headers=self._headers,
                    timeout=self._timeout_seconds,
                )
                if response.status_code in (401, 403):
                    raise OrchestratorError(
                        f"Dagster at {self.url} refused the request (HTTP {response.status_code}): "
                        "give all programs the same CRYPTO_OPERATOR_TOKEN"
                    )
                payload = response.json()
        except WrongUse as error:
            raise OrchestratorError(f"cannot reach Dagster at {self.url}: {error}") from error
        except REQUEST_ERRORS as error:
            if reason := describe_proxy_failure(self._address, error):
                raise OrchestratorError(f"cannot reach Dagster at {self.url}: {reason}") from None
            raise OrchestratorError(
                f"Dagster does not respond at {self.url}: start it with `crypto-assets up`, "
                "or set CRYPTO_DAGSTER_URL"
            ) from error
        if not response.ok or payload.get("errors") or "data" not in payload:
            raise OrchestratorError(f"Dagster at {self.url} failed: {_first_error(payload)}")
        data: dict[str, Any] = payload["data"]
        return data

    def require_type(self, result: GraphQLObject, kind: str) -> GraphQLObject:
        """Return a result of the GraphQL type `kind`; raise OrchestratorError for another type."""
        if result["__typename"] != kind:
            reason = str(result.get("message") or result["__typename"]).splitlines()[0]
            raise OrchestratorError(f"Dagster at {self.url} rejected the request: {reason}")
        return result


def epoch_seconds_to_ms(seconds: float) -> int:
    """Convert Dagster's fractional epoch seconds to epoch milliseconds."""
    return round(seconds * 1000)


def _first_error(payload: GraphQLObject) -> str:
    errors = payload.get("errors") or [{"message": "the response has no data"}]
    return str(errors[0]["message"]).splitlines()[0]
