"""Dagster from outside, through its webserver's GraphQL: backfills, and whether it is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

from crypto_assets.errors import OrchestratorError

_TIMEOUT_SECONDS = (2, 30)

_HEALTH = """
query { instance { info daemonHealth { allDaemonStatuses { daemonType required healthy } } } }
"""

_LAUNCH_BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PartitionKeysNotFoundError { message }
    ... on UnauthorizedError { message }
    ... on PythonError { message }
  }
}
"""

_BACKFILL = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on PartitionBackfill {
      status
      error { message }
      assetBackfillData {
        assetBackfillStatuses {
          ... on AssetPartitionsStatusCounts {
            numPartitionsTargeted numPartitionsMaterialized numPartitionsFailed
          }
        }
      }
    }
    ... on BackfillNotFoundError { message }
    ... on PythonError { message }
  }
}
"""

_CANCEL_BACKFILL = """
mutation ($id: String!) {
  cancelPartitionBackfill(backfillId: $id) {
    __typename
    ... on UnauthorizedError { message }
    ... on PythonError { message }
  }
}
"""

# A backfill in one of these states will not move any more.
_ENDED = {"COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"}


@dataclass(frozen=True)
class BackfillProgress:
    """How far a backfill is; counts are asset partitions (a key counts once for each asset)."""

    status: str
    targeted: int
    materialized: int
    failed: int
    error: str | None

    @property
    def ended(self) -> bool:
        return self.status in _ENDED

    @property
    def succeeded(self) -> bool:
        """A key that still runs (today's daily candle) is targeted, and fails nobody."""
        return self.status in {"COMPLETED", "COMPLETED_SUCCESS"} and not self.failed


class Orchestrator:
    """A client of one webserver. Errors are OrchestratorError, naming its address."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def serves(self, home: Path) -> bool:
        """Whether a webserver answers here, and works on this Dagster home."""
        try:
            info = self._ask(_HEALTH)["instance"]["info"]
        except OrchestratorError:
            return False
        storage = (yaml.safe_load(info or "") or {}).get("local_artifact_storage", {})
        base = storage.get("config", {}).get("base_dir", "")
        return bool(base) and Path(base).resolve() == home.resolve()

    def sick_daemons(self) -> list[str]:
        """Names of the daemons that should run and do not."""
        statuses = self._ask(_HEALTH)["instance"]["daemonHealth"]["allDaemonStatuses"]
        return [s["daemonType"] for s in statuses if s["required"] and not s["healthy"]]

    def launch_backfill(
        self, assets: Sequence[str], keys: Sequence[str], tags: Mapping[str, str], title: str
    ) -> str:
        """Ask Dagster to materialise `keys` of `assets`; answers the backfill's id."""
        params = {
            "assetSelection": [{"path": [name]} for name in assets],
            "partitionNames": list(keys),
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
            "title": title,
        }
        answer = self._ask(_LAUNCH_BACKFILL, params=params)["launchPartitionBackfill"]
        return str(self._expect(answer, "LaunchBackfillSuccess")["backfillId"])

    def backfill(self, backfill_id: str) -> BackfillProgress:
        answer = self._ask(_BACKFILL, id=backfill_id)["partitionBackfillOrError"]
        found = self._expect(answer, "PartitionBackfill")
        counts = (found["assetBackfillData"] or {}).get("assetBackfillStatuses", [])
        return BackfillProgress(
            status=found["status"],
            targeted=sum(c["numPartitionsTargeted"] for c in counts),
            materialized=sum(c["numPartitionsMaterialized"] for c in counts),
            failed=sum(c["numPartitionsFailed"] for c in counts),
            error=found["error"]["message"] if found["error"] else None,
        )

    def cancel_backfill(self, backfill_id: str) -> None:
        answer = self._ask(_CANCEL_BACKFILL, id=backfill_id)["cancelPartitionBackfill"]
        self._expect(answer, "CancelBackfillSuccess")

    def _expect(self, answer: dict[str, Any], kind: str) -> dict[str, Any]:
        if answer["__typename"] != kind:
            reason = answer.get("message") or answer["__typename"]
            raise OrchestratorError(f"Dagster at {self.url} refused: {reason.splitlines()[0]}")
        return answer

    def _ask(self, query: str, **variables: object) -> dict[str, Any]:
        try:
            response = requests.post(
                f"{self.url}/graphql",
                json={"query": query, "variables": variables},
                timeout=_TIMEOUT_SECONDS,
            )
            answer = response.json()
        except requests.RequestException as error:
            raise OrchestratorError(
                f"Dagster does not answer at {self.url}: start it with `crypto-assets up`, "
                "or set CRYPTO_DAGSTER_URL"
            ) from error
        if not response.ok or answer.get("errors") or "data" not in answer:
            raise OrchestratorError(f"Dagster at {self.url} failed: {_first_error(answer)}")
        data: dict[str, Any] = answer["data"]
        return data


def _first_error(answer: Mapping[str, Any]) -> str:
    errors = answer.get("errors") or [{"message": "an answer without data"}]
    return str(errors[0]["message"]).splitlines()[0]
