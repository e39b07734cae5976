"""Backfills: launch, fetch and cancel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crypto_assets.errors import UnknownTarget
from crypto_assets.orchestrator.failure_reasons import fetch_backfill_failures
from crypto_assets.orchestrator.partition_keys import describe_partition_keys
from crypto_assets.orchestrator.webserver_client import (
    GraphQLObject,
    WebserverClient,
    epoch_seconds_to_ms,
)

_LAUNCH_MUTATION = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on Error { message }
  }
}
"""

_PROGRESS_FRAGMENT = """
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

_BACKFILL_QUERY = (
    _PROGRESS_FRAGMENT
    + """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) { __typename ...progress ... on Error { message } }
}
"""
)

_RECENT_BACKFILLS_QUERY = (
    _PROGRESS_FRAGMENT
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

_CANCEL_MUTATION = """
mutation ($id: String!) {
  cancelPartitionBackfill(backfillId: $id) {
    __typename
    ... on Error { message }
  }
}
"""

# Its partition keys: for a multi-partitioned asset, Dagster lists each of them.
_TARGET_QUERY = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on PartitionBackfill { assetBackfillData { rootTargetedPartitions { partitionKeys } } }
    ... on Error { message }
  }
}
"""
_MAX_NAMED_KEYS = 5_000

# A backfill with one of these statuses has ended.
_ENDED_STATUSES = {"COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"}


@dataclass(frozen=True)
class BackfillProgress:
    """The progress of a backfill, counted in asset partitions (each key once per asset).

    `key_count` counts the partition keys; `launched_at` and `ended_at` are epoch ms. `error` is the
    backfill's own error, or the reasons of its failed runs. `is_automatic` marks one that a sensor
    has launched.
    """

    id: str
    status: str
    title: str | None
    key_count: int
    launched_at: int
    ended_at: int | None
    targeted: int
    materialized: int
    failed: int
    error: str | None
    is_automatic: bool = False

    @property
    def ended(self) -> bool:
        return self.status in _ENDED_STATUSES

    @property
    def done_ratio(self) -> float:
        """The share of asset partitions that were materialized or failed, from 0 to 1."""
        return min(1.0, (self.materialized + self.failed) / (self.targeted or 1))

    @property
    def loaded_key_count(self) -> int:
        """How many partition keys are loaded; one counts once all its assets are materialized."""
        return self.materialized * self.key_count // (self.targeted or 1)

    @property
    def failed_key_count(self) -> int:
        """How many partition keys have failed; Dagster counts canceled ones as failed."""
        return (
            0
            if self.status == "CANCELED"
            else -(-self.failed * self.key_count // (self.targeted or 1))
        )

    @property
    def succeeded(self) -> bool:
        return self.status in {"COMPLETED", "COMPLETED_SUCCESS"} and not self.failed


def submit_backfill(
    webserver: WebserverClient,
    assets: Sequence[str],
    keys: Sequence[str],
    tags: Mapping[str, str],
    title: str,
) -> str:
    """Launch a backfill and return its id."""
    params = {
        "assetSelection": [{"path": [name]} for name in assets],
        "partitionNames": list(keys),
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
        "title": title,
    }
    result = webserver.run_query(_LAUNCH_MUTATION, params=params)["launchPartitionBackfill"]
    return str(webserver.require_type(result, "LaunchBackfillSuccess")["backfillId"])


def fetch_backfill(webserver: WebserverClient, backfill_id: str) -> BackfillProgress:
    """Fetch a backfill by id. Raises UnknownTarget if Dagster has none with this id."""
    result = webserver.run_query(_BACKFILL_QUERY, id=backfill_id)["partitionBackfillOrError"]
    if result["__typename"] == "BackfillNotFoundError":
        raise UnknownTarget(f"Dagster has no backfill {backfill_id!r}")
    return _parse_progress(webserver, webserver.require_type(result, "PartitionBackfill"))


def fetch_recent_backfills(webserver: WebserverClient, limit: int) -> list[BackfillProgress]:
    """Fetch the most recent backfills, newest first."""
    result = webserver.run_query(_RECENT_BACKFILLS_QUERY, limit=limit)["partitionBackfillsOrError"]
    recent = webserver.require_type(result, "PartitionBackfills")["results"]
    return [_parse_progress(webserver, backfill) for backfill in recent]


def request_backfill_cancel(webserver: WebserverClient, backfill_id: str) -> None:
    """Cancel a backfill unless it has ended. Raises UnknownTarget."""
    if not fetch_backfill(webserver, backfill_id).ended:
        result = webserver.run_query(_CANCEL_MUTATION, id=backfill_id)["cancelPartitionBackfill"]
        webserver.require_type(result, "CancelBackfillSuccess")


def _parse_progress(webserver: WebserverClient, backfill: GraphQLObject) -> BackfillProgress:
    counts = (backfill["assetBackfillData"] or {}).get("assetBackfillStatuses", [])
    failed = sum(c["numPartitionsFailed"] for c in counts)
    return BackfillProgress(
        id=backfill["id"],
        status=backfill["status"],
        title=backfill["title"] or _build_title(webserver, backfill),
        key_count=backfill["numPartitions"] or 0,
        launched_at=epoch_seconds_to_ms(backfill["timestamp"]),
        ended_at=epoch_seconds_to_ms(backfill["endTimestamp"])
        if backfill["endTimestamp"]
        else None,
        targeted=sum(c["numPartitionsTargeted"] for c in counts),
        materialized=sum(c["numPartitionsMaterialized"] for c in counts),
        failed=failed,
        error=_describe_error(webserver, backfill) if failed or backfill["error"] else None,
    )


def _build_title(webserver: WebserverClient, backfill: GraphQLObject) -> str | None:
    """Name a backfill of Dagster's own pages, which have no title, by its partitions."""
    if not 0 < (backfill["numPartitions"] or 0) <= _MAX_NAMED_KEYS:
        return None
    result = webserver.run_query(_TARGET_QUERY, id=backfill["id"])["partitionBackfillOrError"]
    target = (result.get("assetBackfillData") or {}).get("rootTargetedPartitions") or {}
    return describe_partition_keys(target.get("partitionKeys") or ())


def _describe_error(webserver: WebserverClient, backfill: GraphQLObject) -> str | None:
    if backfill["error"]:
        return str(backfill["error"]["message"])
    return "; ".join(fetch_backfill_failures(webserver, backfill["id"])) or None
