"""The run queue: where a run gets its lane, and what it will not do goes from its plan."""

from collections.abc import Mapping

import dagster as dg

from crypto_assets.dagster_ext.planned_events import (
    forget_planned_checks,
    forget_planned_keys,
    judges,
    visits_every_key,
)
from crypto_assets.orchestrator.run_classes import BACKFILL_TAGS, KIND_TAG, Lane, lane_tags

_BACKFILL = "dagster/backfill"
_RANGE = "dagster/asset_partition_range_start"


class LanedRunCoordinator(dg.QueuedRunCoordinator):
    """Dagster's queue, for `run_coordinator` in dagster.yaml; all its options are Dagster's.

    Every run passes here before it starts, however it was launched, and again where its queueing
    was cut short.
    """

    def submit_run(self, context: dg.SubmitRunContext) -> dg.DagsterRun:
        run = context.dagster_run
        if given := lane_of(run.tags):
            self._instance.add_run_tags(run.run_id, given)
        if not judges(run, brings=bool(run.asset_selection or not run.asset_check_selection)):
            forget_planned_checks(self._instance, run)
        if not visits_every_key(run):
            forget_planned_keys(self._instance, run)
        return super().submit_run(context)


def lane_of(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that a run lacks which a person has launched in the UI.

    Unbounded, a few of a backfill would fill every slot, and the live ticks wait; so too with the
    tags of a tick, where the backfill was launched from that job's page.
    """
    if KIND_TAG not in tags:
        given = BACKFILL_TAGS if _BACKFILL in tags or _RANGE in tags else lane_tags(Lane.BY_HAND)
        # What a person has chosen in the launchpad, a priority for one, stays.
        return {**given, **tags}
    if _BACKFILL in tags and tags[KIND_TAG] != Lane.BACKFILL:
        return BACKFILL_TAGS
    return {}
