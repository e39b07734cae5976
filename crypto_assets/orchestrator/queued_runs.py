"""Queued runs by their class, and how long the oldest has waited."""

from collections import defaultdict
from dataclasses import dataclass

from crypto_assets.orchestrator.run_queue import RUN_CLASS_TAG
from crypto_assets.orchestrator.webserver_client import WebserverClient, epoch_seconds_to_ms

_MAX_RUNS = 1_000
_QUERY = """
query ($limit: Int!) {
  runsOrError(filter: {statuses: [NOT_STARTED, QUEUED]}, limit: $limit) {
    __typename
    ... on Runs { results { creationTime tags { key value } } }
    ... on Error { message }
  }
}
"""


@dataclass(frozen=True)
class QueueLength:
    """How many runs wait, at most 1,000 counted, and when the oldest was created (epoch ms)."""

    runs: int
    oldest_created_at: int


def fetch_queue_lengths(webserver: WebserverClient) -> dict[str, QueueLength]:
    """Fetch the queue by run class; runs without the class's tag count as "none"."""
    result = webserver.run_query(_QUERY, limit=_MAX_RUNS)["runsOrError"]
    created = defaultdict(list)
    for run in webserver.require_type(result, "Runs")["results"]:
        tags = {tag["key"]: tag["value"] for tag in run["tags"]}
        name = tags.get(RUN_CLASS_TAG, "none")
        created[name].append(epoch_seconds_to_ms(run["creationTime"]))
    return {name: QueueLength(len(times), min(times)) for name, times in created.items()}
