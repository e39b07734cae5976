"""Queued runs by their class, and how long the oldest has waited."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from crypto_assets.orchestrator.run_queue import RUN_CLASS_TAG
from crypto_assets.orchestrator.webserver_client import WebserverClient, epoch_seconds_to_ms

_PAGE_RUNS = 1_000
_QUERY = """
query ($limit: Int!, $cursor: String) {
  runsOrError(filter: {statuses: [NOT_STARTED, QUEUED]}, limit: $limit, cursor: $cursor) {
    __typename
    ... on Runs { results { runId creationTime tags { key value } } }
    ... on Error { message }
  }
}
"""


@dataclass(frozen=True)
class QueueLength:
    """How many runs wait, and when the oldest was created (epoch ms)."""

    runs: int
    oldest_created_at: int


def fetch_queue_lengths(webserver: WebserverClient) -> dict[str, QueueLength]:
    """Fetch the queue by run class; runs without the class's tag count as "none"."""
    created = defaultdict(list)
    for run in _iter_queued_runs(webserver):
        tags = {tag["key"]: tag["value"] for tag in run["tags"]}
        name = tags.get(RUN_CLASS_TAG, "none")
        created[name].append(epoch_seconds_to_ms(run["creationTime"]))
    return {name: QueueLength(len(times), min(times)) for name, times in created.items()}


def _iter_queued_runs(webserver: WebserverClient) -> Iterator[dict[str, Any]]:
    """Yield all queued runs, newest first, in pages: the oldest ones are on the last page."""
    cursor = None
    while True:
        result = webserver.run_query(_QUERY, limit=_PAGE_RUNS, cursor=cursor)["runsOrError"]
        runs = webserver.require_type(result, "Runs")["results"]
        yield from runs
        if len(runs) < _PAGE_RUNS:
            return
        cursor = runs[-1]["runId"]
