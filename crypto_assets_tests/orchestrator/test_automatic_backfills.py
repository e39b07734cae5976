"""Backfills of sensors: runs that Dagster does not group become one backfill of a symbol."""

from typing import Any

import orjson
import pytest

from crypto_assets.orchestrator.automatic_backfills import (
    AutomaticBackfill,
    fetch_automatic_backfills,
)
from crypto_assets.orchestrator.failure_reasons import build_failure_tag
from crypto_assets.orchestrator.partition_keys import build_partition_tags, describe_partition_keys
from crypto_assets.orchestrator.webserver_client import WebserverClient
from crypto_assets.settings import PartitionUnit
from crypto_assets_tests.services.scripted import Answer, scripted


def build_run(run_id: str, status: str, start: int, end: int | None, **tags: str) -> dict[str, Any]:
    """A run of PEPEUSDT; times are epoch seconds."""
    all_tags = {"crypto/past_of": "PEPEUSDT", **{k.replace("__", "/"): v for k, v in tags.items()}}
    return {
        "runId": run_id,
        "status": status,
        "creationTime": start,
        "endTime": end,
        "tags": [{"key": key, "value": value} for key, value in all_tags.items()],
    }


def days(first: str, last: str) -> dict[str, str]:
    tags = build_partition_tags([first, last], ["PEPEUSDT"])
    return {key.replace("/", "__"): value for key, value in tags.items()}


def days_of_earlier_versions(first: str, last: str) -> dict[str, str]:
    return {
        "dagster__asset_partition_range_start": f"{first}|PEPEUSDT",
        "dagster__asset_partition_range_end": f"{last}|PEPEUSDT",
    }


def fetch(
    *runs: dict[str, Any], unit: PartitionUnit = PartitionUnit.DAY
) -> list[AutomaticBackfill]:
    body = orjson.dumps({"data": {"runsOrError": {"__typename": "Runs", "results": list(runs)}}})
    with scripted(lambda _: Answer(200, body, {"Content-Type": "application/json"})) as server:
        return fetch_automatic_backfills(WebserverClient(server.url), unit)


def test_the_runs_of_a_symbol_are_one_backfill() -> None:
    (found,) = fetch(
        build_run(
            "aa", "SUCCESS", 1000, 1060, **days_of_earlier_versions("2025-01-01", "2025-01-10")
        ),
        build_run("bb", "STARTED", 1001, None, **days("2025-01-11", "2025-01-20")),
    )
    progress = found.progress
    assert progress.title == "PEPEUSDT 2025-01-01 to 2025-01-20"
    assert (progress.loaded_key_count, progress.key_count) == (10, 20)
    assert progress.is_automatic and not progress.ended
    assert [str(end) for end in found.begun[0]] == ["2025-01-11", "2025-01-20"]


def test_a_retried_run_replaces_the_failed_one() -> None:
    reason = build_failure_tag("aa", "the exchange answered 418")
    failed = build_run("aa", "FAILURE", 1000, 1010, **days("2025-01-01", "2025-01-10"))
    failed["tags"] += [{"key": key, "value": value} for key, value in reason.items()]
    (found,) = fetch(failed)
    assert found.progress.status == "COMPLETED_FAILED"
    assert found.progress.error == "the exchange answered 418"
    retried = build_run("bb", "SUCCESS", 1020, 1100, **days("2025-01-01", "2025-01-10"))
    (found,) = fetch(retried, failed)
    assert found.progress.succeeded and found.progress.failed_key_count == 0


def test_a_later_backfill_of_the_symbol_is_another_one() -> None:
    found = fetch(
        build_run("aa", "SUCCESS", 1000, 1060, **days("2025-01-01", "2025-01-10")),
        build_run("bb", "CANCELED", 9000, 9060, **days("2025-02-01", "2025-02-03")),
    )
    assert [one.progress.status for one in found] == ["CANCELED", "COMPLETED_SUCCESS"]
    assert found[0].progress.failed_key_count == 0


def test_months_count_their_days() -> None:
    run = build_run("aa", "SUCCESS", 1, 2, **days("2025-02-01", "2025-02-01"))
    (found,) = fetch(run, unit=PartitionUnit.MONTH)
    assert found.progress.key_count == 28


@pytest.mark.parametrize(
    ("keys", "title"),
    [
        (["2026-09-01|ETHUSDT", "2026-09-06|ETHUSDT"], "ETHUSDT 2026-09-01 to 2026-09-06"),
        (["2026-09-01|ETHUSDT", "2026-09-01|SOLUSDT"], "ETHUSDT, SOLUSDT 2026-09-01"),
        (["2026-09-01"], "2026-09-01"),
        ([], None),
    ],
)
def test_partition_keys_become_a_title(keys: list[str], title: str | None) -> None:
    assert describe_partition_keys(keys) == title
