"""Runs: launched by what asked for them, and counted by how they ended."""

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
    """What to launch: a job, or some of its assets, with tags and configuration (YAML)."""

    repository: Repository
    job: str
    tags: Mapping[str, str]
    config: str = "{}"
    assets: Sequence[str] = ()


def launch_run(webserver: WebserverClient, order: LaunchRequest) -> str:
    """Puts a run into the queue; answers its id."""
    selector: dict[str, object] = {**order.repository.selector, "pipelineName": order.job}
    if order.assets:
        selector["assetSelection"] = [{"path": name.split("/")} for name in order.assets]
        # Left out, Dagster adds every check of the assets.
        selector["assetCheckSelection"] = []
    params = {
        "selector": selector,
        "runConfigData": order.config,
        "mode": "default",
        "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in order.tags.items()]},
    }
    answer = webserver.run_query(_LAUNCH_MUTATION, params=params)["launchRun"]
    if answer["__typename"] == "RunConfigValidationInvalid":
        reasons = "; ".join(error["message"] for error in answer["errors"])
        raise OrchestratorError(f"Dagster at {webserver.url} refused: {reasons}")
    return str(webserver.require_type(answer, "LaunchRunSuccess")["run"]["runId"])


def count_runs_by_status(webserver: WebserverClient, since_ms: int) -> dict[str, int]:
    """How many runs that were created since then wait, go on, and have ended how.

    By Dagster's words; what starts or is being called off goes on.
    """
    answer = webserver.run_query(_COUNT_QUERY, since=since_ms / 1000)
    return {
        status: int(webserver.require_type(counted, "Runs")["count"])
        for status, counted in answer.items()
    }
