"""The run queue: what is launched from Dagster's own pages gets a lane like everything else."""

import dagster as dg
from dagster._core.run_coordinator.base import SubmitRunContext

from crypto_assets.orchestrator.lanes import BACKFILL_TAGS, KIND_TAG, Lane, lane_tags

# A person's backfill bears the first; many keys in one run, without a backfill, the second.
_MANY_KEYS = ("dagster/backfill", "dagster/asset_partition_range_start")


class LanedRunCoordinator(dg.QueuedRunCoordinator):
    """Dagster's queue, for `run_coordinator` in dagster.yaml; all its options are Dagster's.

    A backfill's run that a person launches in the UI bears none of our tags: unbounded, a few of
    them would fill every slot, and the live ticks wait.
    """

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        run = context.dagster_run
        if KIND_TAG not in run.tags:
            many = any(tag in run.tags for tag in _MANY_KEYS)
            given = BACKFILL_TAGS if many else lane_tags(Lane.BY_HAND)
            # What a person has chosen in the launchpad, a priority for one, stays.
            self._instance.add_run_tags(run.run_id, {**given, **run.tags})
        return super().submit_run(context)
