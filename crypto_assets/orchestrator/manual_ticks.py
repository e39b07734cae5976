"""Run now: a schedule's or sensor's tick evaluated by hand, and what it asks for done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crypto_assets.errors import OrchestratorError
from crypto_assets.market.utc_time import DAY_MS, floor_ms, now_ms
from crypto_assets.orchestrator.dynamic_partitions import add_partitions
from crypto_assets.orchestrator.instigators import Instigator, Kind
from crypto_assets.orchestrator.runs import RunOrder, launch
from crypto_assets.orchestrator.webserver_client import Webserver

_EVALUATION = """
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

_EVALUATE_SCHEDULE = (
    "mutation ($selector: ScheduleSelector!, $at: Float!) {"
    f" answer: scheduleDryRun(selectorData: $selector, timestamp: $at) {_EVALUATION} }}"
)

_EVALUATE_SENSOR = (
    "mutation ($selector: SensorSelector!, $cursor: String) {"
    f" answer: sensorDryRun(selectorData: $selector, cursor: $cursor) {_EVALUATION} }}"
)

_SET_CURSOR = """
mutation ($selector: SensorSelector!, $cursor: String) {
  setSensorCursor(sensorSelector: $selector, cursor: $cursor) {
    __typename
    ... on Error { message }
  }
}
"""


@dataclass(frozen=True)
class Launched:
    """What a tick by hand did: runs, partitions added, or the reason why it did nothing."""

    run_ids: tuple[str, ...]
    added_partitions: tuple[str, ...] = ()
    skipped: str | None = None


def run_now(webserver: Webserver, instigator: Instigator) -> Launched:
    """What its next tick would do, done now, as the daemon does it."""
    result = _evaluate(webserver, instigator)
    if result["error"]:
        reason = result["error"]["message"].splitlines()[0]
        raise OrchestratorError(f"the {instigator.kind} {instigator.name} failed: {reason}")
    added = _add(webserver, instigator, result["dynamicPartitionsRequests"] or ())
    run_ids = [
        launch(webserver, _order(instigator, request)) for request in result["runRequests"] or ()
    ]
    if instigator.kind is Kind.SENSOR and result["cursor"] != instigator.cursor:
        _set_cursor(webserver, instigator, result["cursor"])
    return Launched(tuple(run_ids), added, result["skipReason"])


def _evaluate(webserver: Webserver, instigator: Instigator) -> Mapping[str, Any]:
    if instigator.kind is Kind.SENSOR:
        answer = webserver.ask(
            _EVALUATE_SENSOR, selector=instigator.selector, cursor=instigator.cursor
        )["answer"]
    else:
        # As the first tick of the UTC day: ticks that keep to an interval of minutes are due then.
        at = floor_ms(now_ms(), DAY_MS) / 1000
        answer = webserver.ask(_EVALUATE_SCHEDULE, selector=instigator.selector, at=at)["answer"]
    found = webserver.expect(answer, "DryRunInstigationTick")["evaluationResult"]
    evaluation: Mapping[str, Any] = found
    return evaluation


def _order(instigator: Instigator, request: Mapping[str, Any]) -> RunOrder:
    tags = {tag["key"]: tag["value"] for tag in request["tags"]}
    if instigator.kind is Kind.SENSOR:
        # By these two the daemon knows which runs a sensor has had, and asks for none twice.
        tags["dagster/sensor_name"] = instigator.name
        if request["runKey"]:
            tags["dagster/run_key"] = request["runKey"]
    return RunOrder(
        repository=instigator.repository,
        job=request["jobName"] or instigator.jobs[0],
        tags=tags,
        config=request["runConfigYaml"],
        assets=["/".join(key["path"]) for key in request["assetSelection"] or ()],
    )


def _add(
    webserver: Webserver, instigator: Instigator, requests: Sequence[Mapping[str, Any]]
) -> tuple[str, ...]:
    """A symbol that is no longer tracked keeps its partitions: what a sensor takes away stays."""
    wanted = [request for request in requests if request["type"] == "ADD_PARTITIONS"]
    for request in wanted:
        name, keys = request["partitionsDefName"], request["partitionKeys"]
        add_partitions(webserver, instigator.repository, name, keys)
    return tuple(key for request in wanted for key in request["partitionKeys"])


def _set_cursor(webserver: Webserver, instigator: Instigator, cursor: str | None) -> None:
    answer = webserver.ask(_SET_CURSOR, selector=instigator.selector, cursor=cursor)
    webserver.expect(answer["setSensorCursor"], "Sensor")
