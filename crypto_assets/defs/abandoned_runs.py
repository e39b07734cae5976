"""A sensor that fails the runs of killed processes, and makes sure that they are retried.

See dagster_ext/run_liveness.py and dagster_ext/lost_retries.py.
"""

import dagster as dg

from crypto_assets.dagster_ext.lost_retries import request_lost_retries
from crypto_assets.dagster_ext.run_liveness import fail_abandoned_runs


@dg.sensor(
    name="left_runs",
    target=None,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Fails runs whose process no longer exists, so that Dagster retries them.",
)
def abandoned_runs_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Fail abandoned runs, as `crypto-assets up` does when it starts."""
    failed = fail_abandoned_runs(context.instance)
    lost = request_lost_retries(context.instance)
    notes = {"failed runs whose process no longer exists": failed, "requested retries": lost}
    done = [f"{note}: {', '.join(run_ids)}" for note, run_ids in notes.items() if run_ids]
    return dg.SkipReason("; ".join(done) or "nothing to do: no orphaned runs on this machine")
