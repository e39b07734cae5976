"""Runs that a killed process left behind: a sensor looks for them (see workers.py)."""

import dagster as dg

from crypto_assets.dagster_ext.run_liveness import fail_abandoned_runs


@dg.sensor(
    name="left_runs",
    target=None,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A run whose process is gone is failed, so that Dagster tries it again.",
)
def abandoned_runs_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """What `crypto-assets up` does when it starts, for processes that die later."""
    failed = fail_abandoned_runs(context.instance)
    return dg.SkipReason(
        f"failed, since their processes are gone: {', '.join(failed)}"
        if failed
        else "every unfinished run has its process, or it is another machine's"
    )
