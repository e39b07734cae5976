"""Maintenance by hand: any asset of Dagster's group `maintenance`, in a run of its own."""

from collections.abc import Mapping

from crypto_assets.errors import UnknownTarget
from crypto_assets.orchestrator.repository import Repository, find_loaded_repository
from crypto_assets.orchestrator.runs import LaunchRequest, launch_run
from crypto_assets.orchestrator.webserver_client import WebserverClient

_ASSET_GROUP = "maintenance"
# The job that Dagster makes of all assets which need no partition.
_ASSET_JOB = "__ASSET_JOB"

_TASKS_QUERY = """
query ($group: AssetGroupSelector!) {
  assetNodes(group: $group) { assetKey { path } isPartitioned }
}
"""


def fetch_maintenance_tasks(webserver: WebserverClient) -> list[str]:
    """Names of the assets that can be run so: those without partitions."""
    return _fetch_task_names(webserver, find_loaded_repository(webserver))


def launch_maintenance_task(webserver: WebserverClient, task: str, tags: Mapping[str, str]) -> str:
    """Launches a task; answers the run's id. Raises UnknownTarget, listing the tasks."""
    repository = find_loaded_repository(webserver)
    known = _fetch_task_names(webserver, repository)
    if task not in known:
        raise UnknownTarget(
            f"no maintenance task {task!r}; there are: {', '.join(known) or 'none'}"
        )
    order = LaunchRequest(repository, _ASSET_JOB, tags, assets=[task])
    return launch_run(webserver, order)


def _fetch_task_names(webserver: WebserverClient, repository: Repository) -> list[str]:
    group = {**repository.selector, "groupName": _ASSET_GROUP}
    nodes = webserver.run_query(_TASKS_QUERY, group=group)["assetNodes"]
    return sorted("/".join(n["assetKey"]["path"]) for n in nodes if not n["isPartitioned"])
