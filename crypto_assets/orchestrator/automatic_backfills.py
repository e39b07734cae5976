"""Backfills that sensors launch: runs of one symbol, which Dagster does not group itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from crypto_assets.market.utc_time import MINUTE_MS, Window, day_of
from crypto_assets.orchestrator.backfills import BackfillProgress
from crypto_assets.orchestrator.failure_reasons import parse_failure_reason
from crypto_assets.orchestrator.partition_keys import parse_run_dates
from crypto_assets.orchestrator.run_queue import AUTOMATIC_BACKFILL_TAGS, BACKFILLED_SYMBOL_TAG
from crypto_assets.orchestrator.webserver_client import (
    GraphQLObject,
    WebserverClient,
    epoch_seconds_to_ms,
)
from crypto_assets.settings import PartitionUnit

_RUNS_QUERY = """
query ($filter: RunsFilter!, $limit: Int!) {
  runsOrError(filter: $filter, limit: $limit) {
    __typename
    ... on Runs { results { runId status creationTime endTime tags { key value } } }
    ... on Error { message }
  }
}
"""
_MAX_RUNS = 100
# A run that a sensor launches this long after the last one ended belongs to the next backfill.
_PAUSE_MS = 10 * MINUTE_MS
_UNFINISHED_STATUSES = {"NOT_STARTED", "QUEUED", "STARTING", "STARTED", "CANCELING"}


@dataclass(frozen=True)
class AutomaticBackfill:
    """A backfill of a symbol's days, both ends inclusive.

    `progress` counts days instead of asset partitions, and only those of ended runs as
    materialized. `begun` are the first and the last day of each run that has not ended.
    """

    symbol: str
    first: date
    last: date
    begun: tuple[tuple[date, date], ...]
    progress: BackfillProgress


@dataclass(frozen=True)
class _BackfillRun:
    id: str
    symbol: str
    first: date
    last: date
    status: str
    launched_at: int
    ended_at: int | None
    reason: str | None

    @property
    def day_count(self) -> int:
        return (self.last - self.first).days + 1


def fetch_automatic_backfills(
    webserver: WebserverClient, unit: PartitionUnit
) -> list[AutomaticBackfill]:
    """Fetch the recent backfills of sensors, newest first; `unit` is that of the partitions."""
    tags = [{"key": key, "value": value} for key, value in AUTOMATIC_BACKFILL_TAGS.items()]
    result = webserver.run_query(_RUNS_QUERY, filter={"tags": tags}, limit=_MAX_RUNS)["runsOrError"]
    runs = [_parse_run(run, unit) for run in webserver.require_type(result, "Runs")["results"]]
    by_symbol = sorted(
        (run for run in runs if run is not None), key=lambda run: (run.symbol, run.launched_at)
    )
    found = [
        _describe_backfill(part)
        for _, of_symbol in groupby(by_symbol, key=lambda run: run.symbol)
        for part in _split_by_pause(of_symbol)
    ]
    return sorted(found, key=lambda backfill: -backfill.progress.launched_at)


def _parse_run(run: GraphQLObject, unit: PartitionUnit) -> _BackfillRun | None:
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    days = _parse_days(tags, unit)
    symbol = tags.get(BACKFILLED_SYMBOL_TAG)
    if symbol is None or days is None:
        return None
    return _BackfillRun(
        run["runId"],
        symbol,
        *days,
        status=run["status"],
        launched_at=epoch_seconds_to_ms(run["creationTime"] or 0),
        ended_at=epoch_seconds_to_ms(run["endTime"]) if run["endTime"] else None,
        reason=parse_failure_reason(run["runId"], tags),
    )


def _parse_days(tags: Mapping[str, str], unit: PartitionUnit) -> tuple[date, date] | None:
    keys = parse_run_dates(tags)
    if keys is None:
        return None
    try:
        start, end = map(date.fromisoformat, keys)
    except ValueError:
        return None
    return start, end if unit is PartitionUnit.DAY else day_of(Window.of_month(end).end_ms - 1)


def _split_by_pause(runs: Iterable[_BackfillRun]) -> list[list[_BackfillRun]]:
    parts: list[list[_BackfillRun]] = []
    busy_until: float = 0
    for run in runs:
        if not parts or run.launched_at > busy_until + _PAUSE_MS:
            parts.append([])
            busy_until = 0
        parts[-1].append(run)
        busy_until = max(busy_until, float("inf") if run.ended_at is None else run.ended_at)
    return parts


def _describe_backfill(runs: list[_BackfillRun]) -> AutomaticBackfill:
    # A retried run covers the same days as the one that failed: the newest one counts.
    latest = list({run.first: run for run in runs}.values())
    unfinished = [run for run in latest if run.status in _UNFINISHED_STATUSES]
    failed = [run for run in latest if run.status == "FAILURE"]
    days = sum(run.day_count for run in latest)
    symbol, first = runs[0].symbol, min(run.first for run in runs)
    last = max(run.last for run in runs)
    reasons = dict.fromkeys(run.reason for run in failed if run.reason)
    progress = BackfillProgress(
        id=runs[0].id,
        status=_find_status(latest, unfinished, failed),
        title=f"{symbol} {first} to {last}",
        key_count=days,
        launched_at=min(run.launched_at for run in runs),
        ended_at=None if unfinished else max(run.ended_at or run.launched_at for run in latest),
        targeted=days,
        materialized=sum(run.day_count for run in latest if run.status == "SUCCESS"),
        failed=sum(run.day_count for run in failed),
        error="; ".join(reasons) or None,
        is_automatic=True,
    )
    begun = tuple((run.first, run.last) for run in unfinished)
    return AutomaticBackfill(symbol, first, last, begun, progress)


def _find_status(
    latest: list[_BackfillRun], unfinished: list[_BackfillRun], failed: list[_BackfillRun]
) -> str:
    """Return the status that Dagster would give a backfill of these runs."""
    if unfinished:
        return "REQUESTED"
    if failed:
        return "COMPLETED_FAILED"
    if any(run.status == "CANCELED" for run in latest):
        return "CANCELED"
    return "COMPLETED_SUCCESS"
