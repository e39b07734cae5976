"""Run classes: a tag says what a run is for, and dagster.yaml limits how many of a class run.

Ticks have no limit of their own. The limits of all other classes leave a free slot in
`max_concurrent_runs`, so that a tick never waits for a run of another class.
"""

from collections.abc import Mapping
from enum import StrEnum

RUN_CLASS_TAG = "crypto/kind"
PRIORITY_TAG = "dagster/priority"
# Dagster's id of the backfill that launched a run.
BACKFILL_ID_TAG = "dagster/backfill"
# The value is an IngestMode; without the tag, a run ingests whole days. It is a tag of the job,
# because Dagster drops a job's own config if a run covers a range of partitions.
INGEST_MODE_TAG = "crypto/ingest_mode"
# Its earlier name, which runs that were queued before an upgrade have, and those of users' scripts.
_EARLIER_INGEST_MODE_TAG = "crypto/errand"
# Retry a killed run as a whole. It has one step, and with the default strategy Dagster finds
# nothing to retry if the process was killed after the step ended and before the run did.
_RETRY_ALL_STEPS = {"dagster/retry_strategy": "ALL_STEPS"}


class RunClass(StrEnum):
    """What a run is for: the value of its tag `crypto/kind`."""

    TICK = "tick"
    CLOSE_DAY = "close_day"
    REPAIR = "mending"
    MAINTENANCE = "maintenance"
    MANUAL = "by_hand"
    BACKFILL = "backfill"


_PRIORITIES = {RunClass.TICK: 10, RunClass.CLOSE_DAY: 5, RunClass.BACKFILL: -1}


def build_run_tags(run_class: RunClass) -> dict[str, str]:
    """Build the tags of a run of this class; runs of higher priority leave the queue first."""
    return {
        RUN_CLASS_TAG: run_class.value,
        PRIORITY_TAG: str(_PRIORITIES.get(run_class, 0)),
        **_RETRY_ALL_STEPS,
    }


def get_ingest_mode(tags: Mapping[str, str]) -> str | None:
    """Return the value of the tag INGEST_MODE_TAG among a run's tags."""
    return tags.get(INGEST_MODE_TAG, tags.get(_EARLIER_INGEST_MODE_TAG))


BACKFILL_TAGS = build_run_tags(RunClass.BACKFILL)
# A backfill that a sensor launches starts after those that a user launches. It has one symbol.
BACKFILLED_SYMBOL_TAG = "crypto/past_of"
AUTOMATIC_BACKFILL_TAGS = {**BACKFILL_TAGS, PRIORITY_TAG: "-2"}
