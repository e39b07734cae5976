"""The most recent runs: job, partitions, status, duration, and the reason of a failure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crypto_assets.orchestrator.failure_reasons import parse_failure_reason
from crypto_assets.orchestrator.partition_keys import describe_run_partitions
from crypto_assets.orchestrator.webserver_client import (
    GraphQLObject,
    WebserverClient,
    epoch_seconds_to_ms,
)

_RUNS_QUERY = """
query ($filter: RunsFilter!, $limit: Int!) {
  runsOrError(filter: $filter, limit: $limit) {
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
_JOBS_QUERY = """
query {
  repositoriesOrError {
    __typename
    ... on RepositoryConnection { nodes { jobs { name } } }
    ... on Error { message }
  }
}
"""
# The name of Dagster's implicit jobs, which run an ad hoc selection of assets.
GENERATED_JOB_PREFIX = "__ASSET_JOB"


@dataclass(frozen=True)
class RunSummary:
    """A run; times in epoch ms, None before it starts or ends; `status` is Dagster's.

    `partitions` is a partition key, or the first and the last key of a range. `failure_reason` is
    None too for a failed run whose process was killed.
    """

    id: str
    job: str
    status: str
    created_at: int
    started_at: int | None
    ended_at: int | None
    partitions: str | None
    failure_reason: str | None

    @property
    def duration_ms(self) -> int | None:
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at


def fetch_recent_runs(
    webserver: WebserverClient, limit: int, statuses: Sequence[str] = (), job: str | None = None
) -> list[RunSummary]:
    """Fetch the most recent runs, newest first, with one of the statuses and of the job."""
    runs_filter: dict[str, object] = {}
    if statuses:
        runs_filter["statuses"] = list(statuses)
    if job is not None:
        runs_filter["pipelineName"] = job
    result = webserver.require_type(
        webserver.run_query(_RUNS_QUERY, filter=runs_filter, limit=limit)["runsOrError"], "Runs"
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
        failure_reason=parse_failure_reason(run["runId"], tags),
    )


def fetch_job_names(webserver: WebserverClient) -> list[str]:
    """Fetch the names of all jobs, sorted, without Dagster's implicit ones."""
    result = webserver.run_query(_JOBS_QUERY)["repositoriesOrError"]
    nodes = webserver.require_type(result, "RepositoryConnection")["nodes"]
    names = (job["name"] for node in nodes for job in node["jobs"])
    return sorted(name for name in names if not name.startswith(GENERATED_JOB_PREFIX))


def describe_run_target(job: str, assets: Iterable[str]) -> str:
    """Return the name of a run's job, or the names of its assets if a user has selected them."""
    if not job.startswith(GENERATED_JOB_PREFIX):
        return job
    return ", ".join(sorted(assets)) or "assets"
