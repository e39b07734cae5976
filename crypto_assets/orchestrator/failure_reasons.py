"""The reason why a run failed: one line in a tag, which clients read over GraphQL."""

from collections.abc import Mapping

from crypto_assets.orchestrator.run_queue import BACKFILL_ID_TAG
from crypto_assets.orchestrator.webserver_client import WebserverClient

FAILURE_REASON_TAG = "crypto/failed"
# Dagster's UI shows tags in full next to each run.
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
    """Build the tag with a run's failure reason.

    The text ends with the run's id, because a retried run inherits the tags of its parent.
    """
    return {FAILURE_REASON_TAG: f"{reason[:_MAX_REASON_CHARS]}{_run_suffix(run_id)}"}


def parse_failure_reason(run_id: str, tags: Mapping[str, str]) -> str | None:
    """Return the reason that `build_failure_tag` recorded for this run, not for its parent."""
    reason, _, _ = tags.get(FAILURE_REASON_TAG, "").rpartition(_run_suffix(run_id))
    return reason or None


def fetch_backfill_failures(webserver: WebserverClient, backfill_id: str) -> list[str]:
    """Fetch the distinct reasons of a backfill's newest failed runs; a killed run has none."""
    runs_filter = {
        "tags": [{"key": BACKFILL_ID_TAG, "value": backfill_id}],
        "statuses": ["FAILURE"],
    }
    result = webserver.run_query(_FAILED_RUNS_QUERY, filter=runs_filter, limit=_MAX_RUNS)[
        "runsOrError"
    ]
    reasons = [
        parse_failure_reason(run["runId"], {tag["key"]: tag["value"] for tag in run["tags"]})
        for run in webserver.require_type(result, "Runs")["results"]
    ]
    return list(dict.fromkeys(reason for reason in reasons if reason))


def _run_suffix(run_id: str) -> str:
    return f" (run {run_id[:8]})"
