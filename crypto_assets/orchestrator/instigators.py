"""Schedules and sensors: what they are, whether they run, and their last and next tick."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from crypto_assets.errors import UnknownTarget
from crypto_assets.orchestrator.repository import Repository
from crypto_assets.orchestrator.webserver_client import Webserver, ms_of

_LIST = """
fragment state on InstigationState {
  id
  status
  nextTick { timestamp }
  typeSpecificData { ... on SensorData { lastCursor } }
  ticks(limit: 1) { ...tick }
  acted: ticks(limit: 1, statuses: [SUCCESS, FAILURE]) { ...tick }
}
fragment tick on InstigationTick { status timestamp skipReason error { message } runIds }
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


# The mutation and the type with which it answers when it has done its work.
_START = {
    Kind.SCHEDULE: ("startSchedule(scheduleSelector: $given)", "ScheduleStateResult"),
    Kind.SENSOR: ("startSensor(sensorSelector: $given)", "Sensor"),
}
_STOP = {
    Kind.SCHEDULE: ("stopRunningSchedule(id: $given)", "ScheduleStateResult"),
    Kind.SENSOR: ("stopSensor(id: $given)", "StopSensorMutationResult"),
}
_SELECTOR = {Kind.SCHEDULE: "ScheduleSelector!", Kind.SENSOR: "SensorSelector!"}
_MUTATION = "mutation ($given: %s) { answer: %s { __typename ... on Error { message } } }"


@dataclass(frozen=True)
class Tick:
    """One evaluation; `at` in epoch ms. `note` says why it skipped or failed."""

    at: int
    status: str
    note: str | None
    run_ids: tuple[str, ...]


@dataclass(frozen=True)
class Instigator:
    """A schedule (with `cron`, UTC) or a sensor (looking every `interval_seconds`).

    `last_action` is the newest tick that launched something or failed; most ticks skip.
    `next_tick_at`, epoch ms, is None while it is stopped, and of a sensor that is due. The last
    three are Dagster's: how it addresses the thing, and where a sensor's reading stands.
    """

    kind: Kind
    name: str
    description: str | None
    jobs: tuple[str, ...]
    running: bool
    cron: str | None
    interval_seconds: int | None
    last_tick: Tick | None
    last_action: Tick | None
    next_tick_at: int | None
    repository: Repository
    state_id: str
    cursor: str | None

    @property
    def selector(self) -> dict[str, str]:
        return {**self.repository.selector, f"{self.kind}Name": self.name}


def read_all(webserver: Webserver, kind: Kind) -> list[Instigator]:
    """By name, of everything that Dagster has loaded."""
    answer = webserver.ask(_LIST)["repositoriesOrError"]
    nodes = webserver.expect(answer, "RepositoryConnection")["nodes"]
    found = [_instigator(kind, node, entry) for node in nodes for entry in node[f"{kind}s"]]
    return sorted(found, key=lambda each: each.name)


def read(webserver: Webserver, kind: Kind, name: str) -> Instigator:
    """Raises UnknownTarget, listing those that exist."""
    known = {each.name: each for each in read_all(webserver, kind)}
    if name not in known:
        raise UnknownTarget(f"no {kind} {name!r}; there are: {', '.join(known) or 'none'}")
    return known[name]


def switch(webserver: Webserver, instigator: Instigator, running: bool) -> None:
    """Starts or stops it; what it already does it goes on doing."""
    if instigator.running == running:
        return
    kind = instigator.kind
    if running:
        mutation, done = _START[kind]
        query = _MUTATION % (_SELECTOR[kind], mutation)
        answer = webserver.ask(query, given=instigator.selector)["answer"]
    else:
        mutation, done = _STOP[kind]
        answer = webserver.ask(_MUTATION % ("String!", mutation), given=instigator.state_id)[
            "answer"
        ]
    webserver.expect(answer, done)


def _instigator(kind: Kind, node: Mapping[str, Any], entry: Mapping[str, Any]) -> Instigator:
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
        last_tick=next((_tick(tick) for tick in state["ticks"]), None),
        last_action=next((_tick(tick) for tick in state["acted"]), None),
        next_tick_at=ms_of(state["nextTick"]["timestamp"]) if state["nextTick"] else None,
        repository=Repository(node["name"], node["location"]["name"]),
        state_id=state["id"],
        cursor=(state["typeSpecificData"] or {}).get("lastCursor"),
    )


def _tick(tick: Mapping[str, Any]) -> Tick:
    error = tick["error"]["message"].splitlines()[0] if tick["error"] else None
    return Tick(
        at=ms_of(tick["timestamp"]),
        status=tick["status"],
        note=error or tick["skipReason"],
        run_ids=tuple(tick["runIds"]),
    )
