"""The run queue: where a run gets its lane, and what it will not do goes from its plan."""

from collections.abc import Mapping

import dagster as dg

from crypto_assets.dagster_ext.planned_events import (
    clear_planned_keys,
    covers_every_key,
    delete_planned_checks,
    should_run_checks,
)
from crypto_assets.orchestrator.run_classes import (
    BACKFILL_TAGS,
    RUN_CLASS_TAG,
    RunClass,
    build_run_tags,
)

_BACKFILL_TAG = "dagster/backfill"
_RANGE_START_TAG = "dagster/asset_partition_range_start"


class LanedRunCoordinator(dg.QueuedRunCoordinator):
    """Dagster's queue, for `run_coordinator` in dagster.yaml; all its options are Dagster's.

    Every run passes here before it starts, however it was launched, and again where its queueing
    was cut short.
    """

    def submit_run(self, context: dg.SubmitRunContext) -> dg.DagsterRun:
        run = context.dagster_run
        if given := find_missing_run_tags(run.tags):
            self._instance.add_run_tags(run.run_id, given)
        if not should_run_checks(
            run, brings=bool(run.asset_selection or not run.asset_check_selection)
        ):
            delete_planned_checks(self._instance, run)
        if not covers_every_key(run):
            clear_planned_keys(self._instance, run)
        return super().submit_run(context)


def find_missing_run_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that a run lacks which a person has launched in the UI.

    Unbounded, a few of a backfill would fill every slot, and the live ticks wait; so too with the
    tags of a tick, where the backfill was launched from that job's page.
    """
    if RUN_CLASS_TAG not in tags:
        given = (
            BACKFILL_TAGS
            if _BACKFILL_TAG in tags or _RANGE_START_TAG in tags
            else build_run_tags(RunClass.MANUAL)
        )
        # What a person has chosen in the launchpad, a priority for one, stays.
        return {**given, **tags}
    if _BACKFILL_TAG in tags and tags[RUN_CLASS_TAG] != RunClass.BACKFILL:
        return BACKFILL_TAGS
    return {}
