"""One of Dagster's webservers: a GraphQL question by HTTP, and errors that say what to do."""

from collections.abc import Mapping
from typing import Any

from crypto_assets.addresses import is_web_address, redact_address
from crypto_assets.errors import OrchestratorError, WrongUse
from crypto_assets.http_client import REQUEST_ERRORS, describe_proxy_failure, open_session

_TIMEOUT_SECONDS = (2.0, 30.0)

GraphQLObject = Mapping[str, Any]


class WebserverClient:
    """Safe for many threads. Errors are OrchestratorError, naming the address without its login.

    `timeout_seconds` are those for connecting and for the answer.
    """

    def __init__(self, url: str, timeout_seconds: tuple[float, float] = _TIMEOUT_SECONDS) -> None:
        self._address = url.rstrip("/")
        self.url = redact_address(self._address)
        self._timeout_seconds = timeout_seconds

    def run_query(self, query: str, **variables: object) -> dict[str, Any]:
        """The answer's `data`."""
        if not is_web_address(self._address):
            raise OrchestratorError(
                f"CRYPTO_DAGSTER_URL {self.url!r} is no address: it begins with http:// "
                "or https:// and names a host"
            )
        try:
            with open_session(self._address) as session:
                response = session.post(
                    f"{self._address}/graphql",
                    json={"query": query, "variables": variables},
                    timeout=self._timeout_seconds,
                )
            answer = response.json()
        except WrongUse as error:
            raise OrchestratorError(f"Dagster at {self.url} cannot be asked: {error}") from error
        except REQUEST_ERRORS as error:
            if said := describe_proxy_failure(self._address, error):
                raise OrchestratorError(f"Dagster at {self.url} cannot be asked: {said}") from None
            raise OrchestratorError(
                f"Dagster does not answer at {self.url}: start it with `crypto-assets up`, "
                "or set CRYPTO_DAGSTER_URL"
            ) from error
        if not response.ok or answer.get("errors") or "data" not in answer:
            raise OrchestratorError(f"Dagster at {self.url} failed: {_first_error(answer)}")
        data: dict[str, Any] = answer["data"]
        return data

    def require_type(self, answer: GraphQLObject, kind: str) -> GraphQLObject:
        """The answer, if it is of that GraphQL type; else an error with the reason it gives."""
        if answer["__typename"] != kind:
            reason = answer.get("message") or answer["__typename"]
            raise OrchestratorError(f"Dagster at {self.url} refused: {reason.splitlines()[0]}")
        return answer


def epoch_seconds_to_ms(seconds: float) -> int:
    """Dagster's times are seconds since 1970, with fractions; ours are milliseconds."""
    return round(seconds * 1000)


def _first_error(answer: GraphQLObject) -> str:
    errors = answer.get("errors") or [{"message": "an answer without data"}]
    return str(errors[0]["message"]).splitlines()[0]
