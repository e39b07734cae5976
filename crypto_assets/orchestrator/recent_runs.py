"""The most recent runs: job, partitions, status and duration."""

from collections.abc import Iterable
from dataclasses import dataclass

from crypto_assets.orchestrator.partition_keys import describe_run_partitions
from crypto_assets.orchestrator.webserver_client import (
    GraphQLObject,
    WebserverClient,
    epoch_seconds_to_ms,
)

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
    return [_parse_run(run) for run in result["results"]]


def _parse_run(run: GraphQLObject) -> RunSummary:
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    return RunSummary(
        id=run["runId"],
        job=describe_run_target(
            run["jobName"], ["/".join(key["path"]) for key in run["assetSelection"] or ()]
        ),
        status=run["status"],
        created_at=epoch_seconds_to_ms(run["creationTime"] or 0),
        started_at=epoch_seconds_to_ms(run["startTime"]) if run["startTime"] else None,
        ended_at=epoch_seconds_to_ms(run["endTime"]) if run["endTime"] else None,
        partitions=describe_run_partitions(tags),
    )


def describe_run_target(job: str, assets: Iterable[str]) -> str:
    """Return the name of a run's job, or the names of its assets if a user has selected them."""
    if not job.startswith(_GENERATED_JOB_PREFIX):
        return job
    return ", ".join(sorted(assets)) or "assets"
