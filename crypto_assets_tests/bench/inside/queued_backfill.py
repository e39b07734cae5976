"""A backfill whose runs are put into the queue of workers, without Dagster's daemon."""

import time
from collections.abc import Sequence
from datetime import date

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.launcher import LaunchRunContext

from crypto_assets.dagster_ext.run_statuses import FINISHED_STATUSES
from crypto_assets.definitions import defs
from crypto_assets.defs.backfill import backfill_job, split_into_rectangles
from crypto_assets.defs.markets import DEFAULT_MARKET

_POLL_SECONDS = 0.2


def measure_queued_backfill(symbols: Sequence[str], first: date, last: date) -> dict[str, float]:
    """Return the seconds from the first start to the last end of the runs, and their number.

    Raises RuntimeError if a run fails.
    """
    job = defs.resolve_job_def(backfill_job.name)
    origin = ReconstructableRepository.for_module(
        "crypto_assets.definitions", "defs"
    ).get_reconstructable_job(job.name)
    with dg.DagsterInstance.get() as instance:
        runs = [
            instance.create_run_for_job(
                job,
                run_config=part.build_run_config(DEFAULT_MARKET.klines_op),
                tags=job.tags,
                job_code_origin=origin.get_python_origin(),
            )
            for part in split_into_rectangles(symbols, first, last)
        ]
        for run in runs:
            instance.run_launcher.launch_run(LaunchRunContext(run, None))
        ids = [run.run_id for run in runs]
        while True:
            records = instance.get_run_records(dg.RunsFilter(run_ids=ids))
            if all(record.dagster_run.status in FINISHED_STATUSES for record in records):
                break
            time.sleep(_POLL_SECONDS)
    if not all(record.dagster_run.is_success for record in records):
        raise RuntimeError("a run of the backfill failed")
    began = min(record.start_time or 0 for record in records)
    ended = max(record.end_time or 0 for record in records)
    return {"seconds": ended - began, "runs": len(records)}
