"""Schedules and sensors, which Dagster calls instigators: status, last tick and next tick."""

from dataclasses import dataclass
from enum import StrEnum

from crypto_assets.errors import UnknownTarget
from crypto_assets.orchestrator.repository import Repository
from crypto_assets.orchestrator.webserver_client import (
    GraphQLObject,
    WebserverClient,
    epoch_seconds_to_ms,
)

_INSTIGATORS_QUERY = """
fragment state on InstigationState {
  id
  status
  nextTick { timestamp }
  typeSpecificData { ... on SensorData { lastCursor } }
  ticks(limit: 1) { ...tick }
  acted: ticks(limit: 1, statuses: [SUCCESS, FAILURE]) { ...tick }
}
fragment tick on InstigationTick {
  status timestamp endTimestamp skipReason error { message } runIds
}
query {
  repositoriesOrError {
    __typename
    ... on RepositoryConnection {
      nodes {
        name
        location { name }
        schedules { name description cronSchedule pipelineName state: scheduleState { ...state } }
        sensors {
          name description minIntervalSeconds
          targets { pipelineName }
          state: sensorState { ...state }
        }
      }
    }
    ... on Error { message }
  }
}
"""


class Kind(StrEnum):
    SCHEDULE = "schedule"
    SENSOR = "sensor"


# Each mutation, with the GraphQL type that it returns on success.
_START_MUTATIONS = {
    Kind.SCHEDULE: ("startSchedule(scheduleSelector: $target)", "ScheduleStateResult"),
    Kind.SENSOR: ("startSensor(sensorSelector: $target)", "Sensor"),
}
_STOP_MUTATIONS = {
    Kind.SCHEDULE: ("stopRunningSchedule(id: $target)", "ScheduleStateResult"),
    Kind.SENSOR: ("stopSensor(id: $target)", "StopSensorMutationResult"),
}
_SELECTOR_TYPES = {Kind.SCHEDULE: "ScheduleSelector!", Kind.SENSOR: "SensorSelector!"}
_MUTATION_TEMPLATE = "mutation ($target: %s) { answer: %s { __typename ... on Error { message } } }"


@dataclass(frozen=True)
class InstigatorTick:
    """One evaluation; times in epoch ms. `note` is the skip reason or the error.

    `ended_at` is None while it is evaluated.
    """

    at: int
    ended_at: int | None
    status: str
    note: str | None
    run_ids: tuple[str, ...]


@dataclass(frozen=True)
class Instigator:
    """A schedule (with `cron`, in UTC) or a sensor (evaluated every `interval_seconds`).

    `last_action` is the newest tick that launched a run or failed; most ticks skip. `next_tick_at`
    (epoch ms) is None if it is stopped, and for a sensor that is due. Dagster's API needs
    `repository` and `state_id` to address it; `cursor` is a sensor's current cursor.
    """

    kind: Kind
    name: str
    description: str | None
    jobs: tuple[str, ...]
    running: bool
    cron: str | None
    interval_seconds: int | None
    last_tick: InstigatorTick | None
    last_action: InstigatorTick | None
    next_tick_at: int | None
    repository: Repository
    state_id: str
    cursor: str | None

    @property
    def selector(self) -> dict[str, str]:
        return {**self.repository.selector, f"{self.kind}Name": self.name}


def fetch_instigators(webserver: WebserverClient, kind: Kind) -> list[Instigator]:
    """Fetch all schedules or all sensors, sorted by name."""
    result = webserver.run_query(_INSTIGATORS_QUERY)["repositoriesOrError"]
    nodes = webserver.require_type(result, "RepositoryConnection")["nodes"]
    instigators = (
        _parse_instigator(kind, node, entry) for node in nodes for entry in node[f"{kind}s"]
    )
    return sorted(instigators, key=lambda instigator: instigator.name)


def fetch_instigator(webserver: WebserverClient, kind: Kind, name: str) -> Instigator:
    """Fetch a schedule or sensor by name. Raises UnknownTarget, which lists the valid names."""
    known = {instigator.name: instigator for instigator in fetch_instigators(webserver, kind)}
    if name not in known:
        raise UnknownTarget(f"no {kind} {name!r}; available: {', '.join(known) or 'none'}")
    return known[name]


def start_or_stop_instigator(
    webserver: WebserverClient, instigator: Instigator, running: bool
) -> None:
    """Start or stop a schedule or sensor. Does nothing if it already has that status."""
    if instigator.running == running:
        return
    kind = instigator.kind
    if running:
        mutation, done = _START_MUTATIONS[kind]
        query = _MUTATION_TEMPLATE % (_SELECTOR_TYPES[kind], mutation)
        result = webserver.run_query(query, target=instigator.selector)["answer"]
    else:
        mutation, done = _STOP_MUTATIONS[kind]
        result = webserver.run_query(
            _MUTATION_TEMPLATE % ("String!", mutation), target=instigator.state_id
        )["answer"]
    webserver.require_type(result, done)


def _parse_instigator(kind: Kind, node: GraphQLObject, entry: GraphQLObject) -> Instigator:
    state = entry["state"]
    targets = [target["pipelineName"] for target in entry.get("targets") or ()]
    return Instigator(
        kind=kind,
        name=entry["name"],
        description=entry["description"],
        jobs=tuple(targets) if kind is Kind.SENSOR else (entry["pipelineName"],),
        running=state["status"] == "RUNNING",
        cron=entry.get("cronSchedule"),
        interval_seconds=entry.get("minIntervalSeconds"),
        last_tick=next((_parse_tick(tick) for tick in state["ticks"]), None),
        last_action=next((_parse_tick(tick) for tick in state["acted"]), None),
        next_tick_at=epoch_seconds_to_ms(state["nextTick"]["timestamp"])
        if state["nextTick"]
        else None,
        repository=Repository(node["name"], node["location"]["name"]),
        state_id=state["id"],
        cursor=(state["typeSpecificData"] or {}).get("lastCursor"),
    )


def _parse_tick(tick: GraphQLObject) -> InstigatorTick:
    error = tick["error"]["message"].splitlines()[0] if tick["error"] else None
    ended = tick["endTimestamp"]
    return InstigatorTick(
        at=epoch_seconds_to_ms(tick["timestamp"]),
        ended_at=None if ended is None else epoch_seconds_to_ms(ended),
        status=tick["status"],
        note=error or tick["skipReason"],
        run_ids=tuple(tick["runIds"]),
    )
