"""A sensor that fails the runs of killed processes (see dagster_ext/run_liveness.py)."""

import dagster as dg

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
    return dg.SkipReason(
        f"failed runs whose process no longer exists: {', '.join(failed)}"
        if failed
        else "nothing to do: no orphaned runs on this machine"
    )
