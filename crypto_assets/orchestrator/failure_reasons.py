"""Why a run failed: one line in a tag of the run, for whoever asks from outside."""

from collections.abc import Mapping

from crypto_assets.orchestrator.webserver_client import Webserver

FAILED_TAG = "crypto/failed"
# Tags are shown in full beside each run.
_LONGEST = 500

_READ = """
query ($filter: RunsFilter!, $limit: Int!) {
  runsOrError(filter: $filter, limit: $limit) {
    __typename
    ... on Runs { results { runId tags { key value } } }
    ... on Error { message }
  }
}
"""
_RUNS_AT_MOST = 20


def failed_tag(run_id: str, reason: str) -> dict[str, str]:
    """A run that is tried again hands its tags down: the id says whose failure it was."""
    return {FAILED_TAG: f"{reason[:_LONGEST]}{_mark(run_id)}"}


def reason_of(run_id: str, tags: Mapping[str, str]) -> str | None:
    """What `failed_tag` noted of this very run."""
    reason, _, _ = tags.get(FAILED_TAG, "").rpartition(_mark(run_id))
    return reason or None


def backfill_reasons(webserver: Webserver, backfill_id: str) -> list[str]:
    """Of its newest failed runs, each reason once; a run that was killed has said nothing."""
    wanted = {
        "tags": [{"key": "dagster/backfill", "value": backfill_id}],
        "statuses": ["FAILURE"],
    }
    answer = webserver.ask(_READ, filter=wanted, limit=_RUNS_AT_MOST)["runsOrError"]
    reasons = [
        reason_of(run["runId"], {tag["key"]: tag["value"] for tag in run["tags"]})
        for run in webserver.expect(answer, "Runs")["results"]
    ]
    return list(dict.fromkeys(reason for reason in reasons if reason))


def _mark(run_id: str) -> str:
    return f" (run {run_id[:8]})"
