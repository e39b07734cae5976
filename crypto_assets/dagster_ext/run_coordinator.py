"""The run queue: adds missing run class tags, and removes planned checks that a run skips."""

from collections.abc import Mapping

import dagster as dg

from crypto_assets.dagster_ext.planned_events import delete_planned_checks, should_run_checks
from crypto_assets.orchestrator.partition_keys import RANGE_START_TAG
from crypto_assets.orchestrator.run_queue import (
    BACKFILL_ID_TAG,
    BACKFILL_TAGS,
    RUN_CLASS_TAG,
    RunClass,
    build_run_tags,
)


class RunClassCoordinator(dg.QueuedRunCoordinator):
    """Dagster's run queue, for `run_coordinator` in dagster.yaml; it has the same config fields.

    Every run passes through it before it starts, and again if it was interrupted while queueing.
    """

    def submit_run(self, context: dg.SubmitRunContext) -> dg.DagsterRun:
        run = context.dagster_run
        if missing := find_missing_run_tags(run.tags):
            self._instance.add_run_tags(run.run_id, missing)
        has_assets = bool(run.asset_selection or not run.asset_check_selection)
        if not should_run_checks(run, has_assets=has_assets):
            delete_planned_checks(self._instance, run)
        return super().submit_run(context)


def find_missing_run_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the run class tags that a run launched in Dagster's UI lacks.

    Without them, the runs of a backfill could take every slot of the queue, and ticks would wait.
    The same applies to a backfill launched from the page of a tick's job, which has a tick's tags.
    """
    if RUN_CLASS_TAG not in tags:
        is_backfill = BACKFILL_ID_TAG in tags or RANGE_START_TAG in tags
        # Tags from the launchpad, such as a priority, take precedence.
        return {**(BACKFILL_TAGS if is_backfill else build_run_tags(RunClass.MANUAL)), **tags}
    if BACKFILL_ID_TAG in tags and tags[RUN_CLASS_TAG] != RunClass.BACKFILL:
        return BACKFILL_TAGS
    return {}
