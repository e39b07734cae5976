"""Runs: launch one, and count them by status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crypto_assets.errors import OrchestratorError
from crypto_assets.orchestrator.repository import Repository
from crypto_assets.orchestrator.webserver_client import WebserverClient

_LAUNCH_MUTATION = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on Error { message }
  }
}
"""

_COUNT_QUERY = """
fragment counted on RunsOrError { __typename ... on Runs { count } ... on Error { message } }
query ($since: Float!) {
  QUEUED: runsOrError(
    filter: {statuses: [NOT_STARTED, QUEUED], createdAfter: $since}) { ...counted }
  STARTED: runsOrError(
    filter: {statuses: [STARTING, STARTED, CANCELING], createdAfter: $since}) { ...counted }
  SUCCESS: runsOrError(filter: {statuses: [SUCCESS], createdAfter: $since}) { ...counted }
  FAILURE: runsOrError(filter: {statuses: [FAILURE], createdAfter: $since}) { ...counted }
  CANCELED: runsOrError(filter: {statuses: [CANCELED], createdAfter: $since}) { ...counted }
}
"""


@dataclass(frozen=True)
class LaunchRequest:
    """A job or some of its assets to launch, with tags and run config (YAML)."""

    repository: Repository
    job: str
    tags: Mapping[str, str]
    config: str = "{}"
    assets: Sequence[str] = ()


def launch_run(webserver: WebserverClient, request: LaunchRequest) -> str:
    """Launch a run, which enters the run queue, and return its id."""
    selector: dict[str, object] = {**request.repository.selector, "pipelineName": request.job}
    if request.assets:
        selector["assetSelection"] = [{"path": name.split("/")} for name in request.assets]
        # Without this, Dagster adds every check of the assets.
        selector["assetCheckSelection"] = []
    params = {
        "selector": selector,
        "runConfigData": request.config,
        "mode": "default",
        "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in request.tags.items()]},
    }
    result = webserver.run_query(_LAUNCH_MUTATION, params=params)["launchRun"]
    if result["__typename"] == "RunConfigValidationInvalid":
        reasons = "; ".join(error["message"] for error in result["errors"])
        raise OrchestratorError(f"Dagster at {webserver.url} rejected the request: {reasons}")
    return str(webserver.require_type(result, "LaunchRunSuccess")["run"]["runId"])


def count_runs_by_status(webserver: WebserverClient, since_ms: int) -> dict[str, int]:
    """Count the runs created since `since_ms` (epoch ms) by status.

    QUEUED includes NOT_STARTED; STARTED includes STARTING and CANCELING.
    """
    result = webserver.run_query(_COUNT_QUERY, since=since_ms / 1000)
    return {
        status: int(webserver.require_type(counted, "Runs")["count"])
        for status, counted in result.items()
    }
