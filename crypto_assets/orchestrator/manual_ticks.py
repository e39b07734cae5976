"""Manual ticks: evaluate a schedule or sensor now and launch the runs that it requests."""

from collections.abc import Sequence
from dataclasses import dataclass

from crypto_assets.errors import OrchestratorError
from crypto_assets.market.utc_time import DAY_MS, floor_ms, now_ms
from crypto_assets.orchestrator.dynamic_partitions import add_partition_keys
from crypto_assets.orchestrator.instigators import Instigator, Kind
from crypto_assets.orchestrator.runs import LaunchRequest, launch_run
from crypto_assets.orchestrator.webserver_client import GraphQLObject, WebserverClient

_EVALUATION_FIELDS = """
{
  __typename
  ... on DryRunInstigationTick {
    evaluationResult {
      skipReason
      cursor
      error { message }
      dynamicPartitionsRequests { type partitionsDefName partitionKeys }
      runRequests {
        runKey jobName runConfigYaml
        tags { key value }
        assetSelection { path }
      }
    }
  }
  ... on Error { message }
}
"""

_SCHEDULE_MUTATION = (
    "mutation ($selector: ScheduleSelector!, $at: Float!) {"
    f" answer: scheduleDryRun(selectorData: $selector, timestamp: $at) {_EVALUATION_FIELDS} }}"
)

_SENSOR_MUTATION = (
    "mutation ($selector: SensorSelector!, $cursor: String) {"
    f" answer: sensorDryRun(selectorData: $selector, cursor: $cursor) {_EVALUATION_FIELDS} }}"
)

_SET_CURSOR_MUTATION = """
mutation ($selector: SensorSelector!, $cursor: String) {
  setSensorCursor(sensorSelector: $selector, cursor: $cursor) {
    __typename
    ... on Error { message }
  }
}
"""


@dataclass(frozen=True)
class ManualTickResult:
    """The runs launched and partitions added by a manual tick, or its skip reason."""

    run_ids: tuple[str, ...]
    added_partitions: tuple[str, ...] = ()
    skipped: str | None = None


def run_tick_now(webserver: WebserverClient, instigator: Instigator) -> ManualTickResult:
    """Evaluate the next tick now and carry out its requests as the daemon does."""
    result = _evaluate_tick(webserver, instigator)
    if result["error"]:
        reason = result["error"]["message"].splitlines()[0]
        raise OrchestratorError(f"the {instigator.kind} {instigator.name} failed: {reason}")
    added = _add_requested_partitions(
        webserver, instigator, result["dynamicPartitionsRequests"] or ()
    )
    run_ids = [
        launch_run(webserver, _build_launch_request(instigator, request))
        for request in result["runRequests"] or ()
    ]
    if instigator.kind is Kind.SENSOR and result["cursor"] != instigator.cursor:
        _set_cursor(webserver, instigator, result["cursor"])
    return ManualTickResult(tuple(run_ids), added, result["skipReason"])


def _evaluate_tick(webserver: WebserverClient, instigator: Instigator) -> GraphQLObject:
    if instigator.kind is Kind.SENSOR:
        result = webserver.run_query(
            _SENSOR_MUTATION, selector=instigator.selector, cursor=instigator.cursor
        )["answer"]
    else:
        # The first minute of the UTC day, when a schedule with any interval of minutes is due.
        at = floor_ms(now_ms(), DAY_MS) / 1000
        result = webserver.run_query(_SCHEDULE_MUTATION, selector=instigator.selector, at=at)[
            "answer"
        ]
    tick = webserver.require_type(result, "DryRunInstigationTick")
    evaluation: GraphQLObject = tick["evaluationResult"]
    return evaluation


def _build_launch_request(instigator: Instigator, request: GraphQLObject) -> LaunchRequest:
    tags = {tag["key"]: tag["value"] for tag in request["tags"]}
    if instigator.kind is Kind.SENSOR:
        # The daemon uses these two tags to avoid launching a sensor's run twice.
        tags["dagster/sensor_name"] = instigator.name
        if request["runKey"]:
            tags["dagster/run_key"] = request["runKey"]
    return LaunchRequest(
        repository=instigator.repository,
        job=request["jobName"] or instigator.jobs[0],
        tags=tags,
        config=request["runConfigYaml"],
        assets=["/".join(key["path"]) for key in request["assetSelection"] or ()],
    )


def _add_requested_partitions(
    webserver: WebserverClient, instigator: Instigator, requests: Sequence[GraphQLObject]
) -> tuple[str, ...]:
    """Add the requested partition keys; ignore deletions, since stored data needs its keys."""
    wanted = [request for request in requests if request["type"] == "ADD_PARTITIONS"]
    for request in wanted:
        name, keys = request["partitionsDefName"], request["partitionKeys"]
        add_partition_keys(webserver, instigator.repository, name, keys)
    return tuple(key for request in wanted for key in request["partitionKeys"])


def _set_cursor(webserver: WebserverClient, instigator: Instigator, cursor: str | None) -> None:
    result = webserver.run_query(_SET_CURSOR_MUTATION, selector=instigator.selector, cursor=cursor)
    webserver.require_type(result["setSensorCursor"], "Sensor")
