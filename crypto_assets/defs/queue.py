"""Alias: `dagster.yaml` files of earlier versions refer to the run coordinator by this path.

Priorities are in `orchestrator/run_queue.py`, limits in `dagster.yaml`.
"""


def __getattr__(name: str) -> object:
    """Import the class when a `dagster.yaml` names it: this folder is loaded for every run."""
    if name != "LanedRunCoordinator":
        raise AttributeError(name)
    from crypto_assets.dagster_ext.run_coordinator import RunClassCoordinator

    return RunClassCoordinator
