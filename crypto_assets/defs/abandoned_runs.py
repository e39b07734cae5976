"""A sensor that fails the runs of killed processes and lost hosts, and makes sure of their retries.

See dagster_ext/run_liveness.py, dagster_ext/host_watch.py and dagster_ext/lost_retries.py.
"""

from functools import cache

import dagster as dg

from crypto_assets.dagster_ext.host_watch import HostWatch
from crypto_assets.dagster_ext.lost_retries import request_lost_retries
from crypto_assets.dagster_ext.run_liveness import fail_abandoned_runs, fail_runs_of_hosts
from crypto_assets.defs.markets import DEFAULT_MARKET
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import DAY_MS, now_ms
from crypto_assets.settings import get_settings
from crypto_assets.steady_clock import read_steady_clock
from crypto_assets.warehouse import Warehouse


@dg.sensor(
    name="left_runs",
    target=None,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Fails runs whose process no longer exists, so that Dagster retries them.",
    required_resource_keys={DEFAULT_MARKET.resource_key},
)
def abandoned_runs_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Fail abandoned runs, as `crypto-assets up` does when it starts, and those of lost hosts."""
    failed = fail_abandoned_runs(context.instance)
    reasons = [f"failed runs whose process no longer exists: {', '.join(failed)}"] if failed else []
    try:
        lost = _find_lost_hosts(DEFAULT_MARKET.get_platform(context).warehouse)
    except CryptoAssetsError as error:
        lost, reasons = {}, [*reasons, f"the hosts of workers are unknown: {error}"]
    if lost:
        failed = fail_runs_of_hosts(context.instance, lost)
        silent = ", ".join(f"{host} for {seconds:.0f} s" for host, seconds in lost.items())
        runs = ", ".join(failed) or "none"
        reasons.append(f"no heartbeat of {silent}; failed runs of these hosts: {runs}")
    if missed := request_lost_retries(context.instance):
        reasons.append(f"requested retries: {', '.join(missed)}")
    return dg.SkipReason("; ".join(reasons) or "nothing to do: no orphaned runs on this machine")


def _find_lost_hosts(warehouse: Warehouse) -> dict[str, float]:
    heartbeats = warehouse.worker_heartbeats.list_heartbeats()
    now = now_ms()
    if any(now - heartbeat.beat_at > DAY_MS for heartbeat in heartbeats):
        warehouse.worker_heartbeats.delete_older_than(DAY_MS)
    return _get_host_watch().find_lost_hosts(heartbeats, now, read_steady_clock())


@cache
def _get_host_watch() -> HostWatch:
    """Return the watch of this process, which evaluates the sensor again and again."""
    return HostWatch(get_settings().worker_timeout_seconds)
