"""Backfills: asked for, watched and called off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crypto_assets.errors import UnknownTarget
from crypto_assets.orchestrator.failure_reasons import backfill_reasons
from crypto_assets.orchestrator.webserver_client import Answer, Webserver, ms_of

_LAUNCH = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on Error { message }
  }
}
"""

_PROGRESS = """
fragment progress on PartitionBackfill {
  id
  status
  title
  timestamp
  endTimestamp
  numPartitions
  error { message }
  assetBackfillData {
    assetBackfillStatuses {
      ... on AssetPartitionsStatusCounts {
        numPartitionsTargeted numPartitionsMaterialized numPartitionsFailed
      }
    }
  }
}
"""

_READ = (
    _PROGRESS
    + """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) { __typename ...progress ... on Error { message } }
}
"""
)

_READ_RECENT = (
    _PROGRESS
    + """
query ($limit: Int!) {
  partitionBackfillsOrError(limit: $limit) {
    __typename
    ... on PartitionBackfills { results { ...progress } }
    ... on Error { message }
  }
}
"""
)

_CANCEL = """
mutation ($id: String!) {
  cancelPartitionBackfill(backfillId: $id) {
    __typename
    ... on Error { message }
  }
}
"""

# A backfill in one of these states will not move any more.
_ENDED = {"COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"}


@dataclass(frozen=True)
class BackfillProgress:
    """How far a backfill is; counts are asset partitions (a key counts once for each asset).

    `keys` counts the partition keys; `asked_at` and `ended_at` are epoch ms. `error` is Dagster's
    own, or what its failed runs have said.
    """

    id: str
    status: str
    title: str | None
    keys: int
    asked_at: int
    ended_at: int | None
    targeted: int
    materialized: int
    failed: int
    error: str | None

    @property
    def ended(self) -> bool:
        return self.status in _ENDED

    @property
    def done_ratio(self) -> float:
        """From 0 to 1, of what has come to an end, well or not."""
        return min(1.0, (self.materialized + self.failed) / (self.targeted or 1))

    @property
    def succeeded(self) -> bool:
        return self.status in {"COMPLETED", "COMPLETED_SUCCESS"} and not self.failed


def launch(
    webserver: Webserver,
    assets: Sequence[str],
    keys: Sequence[str],
    tags: Mapping[str, str],
    title: str,
) -> str:
    params = {
        "assetSelection": [{"path": [name]} for name in assets],
        "partitionNames": list(keys),
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
        "title": title,
    }
    answer = webserver.ask(_LAUNCH, params=params)["launchPartitionBackfill"]
    return str(webserver.expect(answer, "LaunchBackfillSuccess")["backfillId"])


def read(webserver: Webserver, backfill_id: str) -> BackfillProgress:
    """Raises UnknownTarget."""
    answer = webserver.ask(_READ, id=backfill_id)["partitionBackfillOrError"]
    if answer["__typename"] == "BackfillNotFoundError":
        raise UnknownTarget(f"Dagster has no backfill {backfill_id!r}")
    return _progress(webserver, webserver.expect(answer, "PartitionBackfill"))


def read_recent(webserver: Webserver, limit: int) -> list[BackfillProgress]:
    """The newest, newest first."""
    answer = webserver.ask(_READ_RECENT, limit=limit)["partitionBackfillsOrError"]
    found = webserver.expect(answer, "PartitionBackfills")["results"]
    return [_progress(webserver, each) for each in found]


def cancel(webserver: Webserver, backfill_id: str) -> None:
    """One that has ended stays as it is. Raises UnknownTarget."""
    if not read(webserver, backfill_id).ended:
        answer = webserver.ask(_CANCEL, id=backfill_id)["cancelPartitionBackfill"]
        webserver.expect(answer, "CancelBackfillSuccess")


def _progress(webserver: Webserver, found: Answer) -> BackfillProgress:
    counts = (found["assetBackfillData"] or {}).get("assetBackfillStatuses", [])
    failed = sum(c["numPartitionsFailed"] for c in counts)
    return BackfillProgress(
        id=found["id"],
        status=found["status"],
        title=found["title"],
        keys=found["numPartitions"] or 0,
        asked_at=ms_of(found["timestamp"]),
        ended_at=ms_of(found["endTimestamp"]) if found["endTimestamp"] else None,
        targeted=sum(c["numPartitionsTargeted"] for c in counts),
        materialized=sum(c["numPartitionsMaterialized"] for c in counts),
        failed=failed,
        error=_error(webserver, found) if failed or found["error"] else None,
    )


def _error(webserver: Webserver, found: Answer) -> str | None:
    if found["error"]:
        return str(found["error"]["message"])
    return "; ".join(backfill_reasons(webserver, found["id"])) or None
