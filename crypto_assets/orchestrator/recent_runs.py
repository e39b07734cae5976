"""The last runs: what each was for, how it went, and how long it took."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crypto_assets.orchestrator.webserver_client import WebserverClient

_RUNS_QUERY = """
query ($limit: Int!) {
  runsOrError(limit: $limit) {
    __typename
    ... on Runs {
      results {
        runId jobName status creationTime startTime endTime
        assetSelection { path }
        tags { key value }
      }
    }
    ... on Error { message }
  }
}
"""
# Dagster's names of jobs that it makes itself, for assets that somebody picked.
_GENERATED_JOB_PREFIX = "__ASSET_JOB"


@dataclass(frozen=True)
class RunSummary:
    """Times in epoch ms, None before it starts or ends; `status` is Dagster's word.

    `partitions` are the keys it covers, as one word: a key, or the first and last of a range.
    """

    id: str
    job: str
    status: str
    created_at: int
    started_at: int | None
    ended_at: int | None
    partitions: str | None

    @property
    def duration_ms(self) -> int | None:
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at


def fetch_recent_runs(webserver: WebserverClient, limit: int) -> list[RunSummary]:
    """Newest first."""
    answer = webserver.require_type(
        webserver.run_query(_RUNS_QUERY, limit=limit)["runsOrError"], "Runs"
    )
    return [_parse_run(found) for found in answer["results"]]


def _parse_run(found: Mapping[str, Any]) -> RunSummary:
    tags = {tag["key"]: tag["value"] for tag in found["tags"]}
    return RunSummary(
        id=found["runId"],
        job=_describe_job(found),
        status=found["status"],
        created_at=_to_optional_ms(found["creationTime"]) or 0,
        started_at=_to_optional_ms(found["startTime"]),
        ended_at=_to_optional_ms(found["endTime"]),
        partitions=_describe_partitions(tags),
    )


def _describe_job(found: Mapping[str, Any]) -> str:
    if not found["jobName"].startswith(_GENERATED_JOB_PREFIX):
        return str(found["jobName"])
    picked = ["/".join(key["path"]) for key in found["assetSelection"] or ()]
    return ", ".join(sorted(picked)) or "assets"


def _describe_partitions(tags: Mapping[str, str]) -> str | None:
    first = tags.get("dagster/asset_partition_range_start")
    last = tags.get("dagster/asset_partition_range_end")
    if first and last:
        return first if first == last else f"{first} to {last}"
    return tags.get("dagster/partition")


def _to_optional_ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
