"""Which lane a run gets that a person has launched from one of Dagster's pages."""

import pytest

from crypto_assets.dagster_ext.run_coordinator import find_missing_run_tags
from crypto_assets.defs.partitions import range_tags
from crypto_assets.orchestrator.run_classes import (
    AUTOMATIC_BACKFILL_TAGS,
    BACKFILL_TAGS,
    PRIORITY_TAG,
    RunClass,
    build_run_tags,
)

_BACKFILL = {"dagster/backfill": "abc"}
_RANGE = range_tags("2025-03-05|BTCUSDT", "2025-03-06|BTCUSDT")


@pytest.mark.parametrize(
    ("tags", "lane"),
    [
        ({}, build_run_tags(RunClass.MANUAL)),
        (_BACKFILL, BACKFILL_TAGS),
        (_RANGE, BACKFILL_TAGS),
        ({PRIORITY_TAG: "3"}, {**build_run_tags(RunClass.MANUAL), PRIORITY_TAG: "3"}),
        # From the page of a tick's job, whose tags it bears: as many at once as there are places.
        ({**_BACKFILL, **build_run_tags(RunClass.TICK)}, BACKFILL_TAGS),
    ],
)
def test_it_gets_the_lane_that_it_lacks(tags: dict[str, str], lane: dict[str, str]) -> None:
    assert {**tags, **find_missing_run_tags(tags)}.items() >= lane.items()


@pytest.mark.parametrize(
    "tags",
    [
        {**_RANGE, **build_run_tags(RunClass.TICK)},
        {**_BACKFILL, **AUTOMATIC_BACKFILL_TAGS},
        build_run_tags(RunClass.CLOSE_DAY),
    ],
)
def test_it_keeps_the_lane_that_it_has(tags: dict[str, str]) -> None:
    assert find_missing_run_tags(tags) == {}
