"""The run class of runs that are launched in Dagster's UI."""

import pytest

from crypto_assets.dagster_ext.run_coordinator import find_missing_run_tags
from crypto_assets.orchestrator.run_queue import (
    AUTOMATIC_BACKFILL_TAGS,
    BACKFILL_TAGS,
    PRIORITY_TAG,
    RunClass,
    build_run_tags,
)
from crypto_assets_tests.defs.partition_ranges import build_range_tags

_BACKFILL = {"dagster/backfill": "abc"}
_RANGE = build_range_tags("2025-03-05|BTCUSDT", "2025-03-06|BTCUSDT")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, build_run_tags(RunClass.MANUAL)),
        (_BACKFILL, BACKFILL_TAGS),
        (_RANGE, BACKFILL_TAGS),
        ({PRIORITY_TAG: "3"}, {**build_run_tags(RunClass.MANUAL), PRIORITY_TAG: "3"}),
        # A backfill from the page of a tick's job has the tags of a tick.
        ({**_BACKFILL, **build_run_tags(RunClass.TICK)}, BACKFILL_TAGS),
    ],
)
def test_missing_run_class_tags_are_added(tags: dict[str, str], expected: dict[str, str]) -> None:
    assert {**tags, **find_missing_run_tags(tags)}.items() >= expected.items()


@pytest.mark.parametrize(
    "tags",
    [
        {**_RANGE, **build_run_tags(RunClass.TICK)},
        {**_BACKFILL, **AUTOMATIC_BACKFILL_TAGS},
        build_run_tags(RunClass.CLOSE_DAY),
    ],
)
def test_existing_run_class_tags_are_kept(tags: dict[str, str]) -> None:
    assert find_missing_run_tags(tags) == {}
