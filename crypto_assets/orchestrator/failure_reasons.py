"""Why a run failed: one line in a tag of the run, for whoever asks from outside."""

from collections.abc import Mapping

from crypto_assets.orchestrator.webserver_client import WebserverClient

FAILURE_REASON_TAG = "crypto/failed"
# Tags are shown in full beside each run.
_MAX_REASON_CHARS = 500

_FAILED_RUNS_QUERY = """
query ($filter: RunsFilter!, $limit: Int!) {
  runsOrError(filter: $filter, limit: $limit) {
    __typename
    ... on Runs { results { runId tags { key value } } }
    ... on Error { message }
  }
}
"""
_MAX_RUNS = 20


def build_failure_tag(run_id: str, reason: str) -> dict[str, str]:
    """A run that is tried again hands its tags down: the id says whose failure it was."""
    return {FAILURE_REASON_TAG: f"{reason[:_MAX_REASON_CHARS]}{_run_suffix(run_id)}"}


def parse_failure_reason(run_id: str, tags: Mapping[str, str]) -> str | None:
    """What `failed_tag` noted of this very run."""
    reason, _, _ = tags.get(FAILURE_REASON_TAG, "").rpartition(_run_suffix(run_id))
    return reason or None


def fetch_backfill_failures(webserver: WebserverClient, backfill_id: str) -> list[str]:
    """Of its newest failed runs, each reason once; a run that was killed has said nothing."""
    wanted = {
        "tags": [{"key": "dagster/backfill", "value": backfill_id}],
        "statuses": ["FAILURE"],
    }
    answer = webserver.run_query(_FAILED_RUNS_QUERY, filter=wanted, limit=_MAX_RUNS)["runsOrError"]
    reasons = [
        parse_failure_reason(run["runId"], {tag["key"]: tag["value"] for tag in run["tags"]})
        for run in webserver.require_type(answer, "Runs")["results"]
    ]
    return list(dict.fromkeys(reason for reason in reasons if reason))


def _run_suffix(run_id: str) -> str:
    return f" (run {run_id[:8]})"
