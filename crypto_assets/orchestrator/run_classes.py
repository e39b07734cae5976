"""The run queue's lanes: a run says its kind, and dagster.yaml bounds how many of one go at once.

Ticks have no bound, and the bounds of all other lanes together leave them room: a tick never waits.
"""

from enum import StrEnum

RUN_CLASS_TAG = "crypto/kind"
PRIORITY_TAG = "dagster/priority"
# What of its keys a run is to look for (pipeline.ingest.Errand); without it, all of each. A tag,
# since Dagster leaves a job's own config out where a run covers a range of keys.
INGEST_MODE_TAG = "crypto/errand"
# A killed run is tried again as a whole: it is one step, and Dagster finds nothing to do in a run
# that was killed between the end of its step and its own.
_RETRY_ALL_STEPS = {"dagster/retry_strategy": "ALL_STEPS"}


class RunClass(StrEnum):
    """What a run is for; the value of its tag `crypto/kind`."""

    TICK = "tick"
    CLOSE_DAY = "close_day"
    REPAIR = "mending"
    MAINTENANCE = "maintenance"
    MANUAL = "by_hand"
    BACKFILL = "backfill"


_PRIORITIES = {RunClass.TICK: 10, RunClass.CLOSE_DAY: 5, RunClass.BACKFILL: -1}


def build_run_tags(lane: RunClass) -> dict[str, str]:
    """Of a run in this lane; a higher priority leaves the queue first."""
    return {
        RUN_CLASS_TAG: lane.value,
        PRIORITY_TAG: str(_PRIORITIES.get(lane, 0)),
        **_RETRY_ALL_STEPS,
    }


# Ticks go before backfills in the queue, of which few go at a time (dagster.yaml).
BACKFILL_TAGS = build_run_tags(RunClass.BACKFILL)
# One that nobody asked for lets those pass that somebody did.
AUTOMATIC_BACKFILL_TAGS = {**BACKFILL_TAGS, PRIORITY_TAG: "-2"}
