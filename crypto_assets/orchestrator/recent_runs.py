"""The last runs: what each was for, how it went, and how long it took."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crypto_assets.orchestrator.webserver_client import Webserver

_READ = """
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
# Dagster's names of jobs that it makes itself, for assets that somebody picked.
_MADE = "__ASSET_JOB"


@dataclass(frozen=True)
class Run:
    """Times in epoch ms, None before it starts or ends; `status` is Dagster's word.

    `partitions` are the keys it covers, as one word: a key, or the first and last of a range.
    """

    id: str
    job: str
    status: str
    created_at: int
    started_at: int | None
    ended_at: int | None
    partitions: str | None

    @property
    def took_ms(self) -> int | None:
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at


def read_last(webserver: Webserver, limit: int) -> list[Run]:
    """Newest first."""
    answer = webserver.expect(webserver.ask(_READ, limit=limit)["runsOrError"], "Runs")
    return [_run(found) for found in answer["results"]]


def _run(found: Mapping[str, Any]) -> Run:
    tags = {tag["key"]: tag["value"] for tag in found["tags"]}
    return Run(
        id=found["runId"],
        job=_job(found),
        status=found["status"],
        created_at=_ms(found["creationTime"]) or 0,
        started_at=_ms(found["startTime"]),
        ended_at=_ms(found["endTime"]),
        partitions=_partitions(tags),
    )


def _job(found: Mapping[str, Any]) -> str:
    if not found["jobName"].startswith(_MADE):
        return str(found["jobName"])
    picked = ["/".join(key["path"]) for key in found["assetSelection"] or ()]
    return ", ".join(sorted(picked)) or "assets"


def _partitions(tags: Mapping[str, str]) -> str | None:
    first = tags.get("dagster/asset_partition_range_start")
    last = tags.get("dagster/asset_partition_range_end")
    if first and last:
        return first if first == last else f"{first} to {last}"
    return tags.get("dagster/partition")


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
