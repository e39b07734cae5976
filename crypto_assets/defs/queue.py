"""The run queue: where a run gets its lane, and loses the checks that it will not judge."""

import dagster as dg
from dagster._core.run_coordinator.base import SubmitRunContext

from crypto_assets.defs.planned_checks import forget_planned_checks, judges
from crypto_assets.orchestrator.lanes import BACKFILL_TAGS, KIND_TAG, Lane, lane_tags

# A person's backfill bears the first; many keys in one run, without a backfill, the second.
_MANY_KEYS = ("dagster/backfill", "dagster/asset_partition_range_start")


class LanedRunCoordinator(dg.QueuedRunCoordinator):
    """Dagster's queue, for `run_coordinator` in dagster.yaml; all its options are Dagster's.

    A run that a person launches in the UI bears none of our tags: unbounded, a few of a backfill
    would fill every slot, and the live ticks wait. Every run passes here before it starts, however
    it was launched, and again where its queueing was cut short.
    """

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        run = context.dagster_run
        if KIND_TAG not in run.tags:
            many = any(tag in run.tags for tag in _MANY_KEYS)
            given = BACKFILL_TAGS if many else lane_tags(Lane.BY_HAND)
            # What a person has chosen in the launchpad, a priority for one, stays.
            self._instance.add_run_tags(run.run_id, {**given, **run.tags})
        if not judges(run):
            forget_planned_checks(self._instance, run)
        return super().submit_run(context)
