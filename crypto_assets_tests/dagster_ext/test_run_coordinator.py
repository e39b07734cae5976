"""Which lane a run gets that a person has launched from one of Dagster's pages."""

import pytest

from crypto_assets.dagster_ext.run_coordinator import lane_of
from crypto_assets.defs.partitions import range_tags
from crypto_assets.orchestrator.run_classes import (
    AUTOMATIC_BACKFILL_TAGS,
    BACKFILL_TAGS,
    PRIORITY_TAG,
    Lane,
    lane_tags,
)

_BACKFILL = {"dagster/backfill": "abc"}
_RANGE = range_tags("2025-03-05|BTCUSDT", "2025-03-06|BTCUSDT")


@pytest.mark.parametrize(
    ("tags", "lane"),
    [
        ({}, lane_tags(Lane.BY_HAND)),
        (_BACKFILL, BACKFILL_TAGS),
        (_RANGE, BACKFILL_TAGS),
        ({PRIORITY_TAG: "3"}, {**lane_tags(Lane.BY_HAND), PRIORITY_TAG: "3"}),
        # From the page of a tick's job, whose tags it bears: as many at once as there are places.
        ({**_BACKFILL, **lane_tags(Lane.TICK)}, BACKFILL_TAGS),
    ],
)
def test_it_gets_the_lane_that_it_lacks(tags: dict[str, str], lane: dict[str, str]) -> None:
    assert {**tags, **lane_of(tags)}.items() >= lane.items()


@pytest.mark.parametrize(
    "tags",
    [
        {**_RANGE, **lane_tags(Lane.TICK)},
        {**_BACKFILL, **AUTOMATIC_BACKFILL_TAGS},
        lane_tags(Lane.CLOSING),
    ],
)
def test_it_keeps_the_lane_that_it_has(tags: dict[str, str]) -> None:
    assert lane_of(tags) == {}
