"""Alias: `dagster.yaml` files of earlier versions refer to the run coordinator by this path.

Priorities are in `orchestrator/run_queue.py`, limits in `dagster.yaml`.
"""

from crypto_assets.dagster_ext.run_coordinator import RunClassCoordinator as LanedRunCoordinator

__all__ = ["LanedRunCoordinator"]
