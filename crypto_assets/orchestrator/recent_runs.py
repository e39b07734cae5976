"""The most recent runs: job, partitions, status and duration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crypto_assets.orchestrator.partition_keys import describe_run_partitions
from crypto_assets.orchestrator.webserver_client import WebserverClient, epoch_seconds_to_ms

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
# The name of Dagster's implicit jobs, which run an ad hoc selection of assets.
_GENERATED_JOB_PREFIX = "__ASSET_JOB"


@dataclass(frozen=True)
class RunSummary:
    """A run; times in epoch ms, None before it starts or ends; `status` is Dagster's.

    `partitions` is a partition key, or the first and the last key of a range.
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
    """Fetch the most recent runs, newest first."""
    result = webserver.require_type(
        webserver.run_query(_RUNS_QUERY, limit=limit)["runsOrError"], "Runs"
    )
    return [_parse_run(found) for found in result["results"]]


def _parse_run(found: Mapping[str, Any]) -> RunSummary:
    tags = {tag["key"]: tag["value"] for tag in found["tags"]}
    return RunSummary(
        id=found["runId"],
        job=_describe_job(found),
        status=found["status"],
        created_at=epoch_seconds_to_ms(found["creationTime"] or 0),
        started_at=epoch_seconds_to_ms(found["startTime"]) if found["startTime"] else None,
        ended_at=epoch_seconds_to_ms(found["endTime"]) if found["endTime"] else None,
        partitions=describe_run_partitions(tags),
    )


def _describe_job(found: Mapping[str, Any]) -> str:
    if not found["jobName"].startswith(_GENERATED_JOB_PREFIX):
        return str(found["jobName"])
    selected = ["/".join(key["path"]) for key in found["assetSelection"] or ()]
    return ", ".join(sorted(selected)) or "assets"
