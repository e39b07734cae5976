"""Manual maintenance: a run of one asset of the group `maintenance`."""

from collections.abc import Mapping

from crypto_assets.errors import UnknownTarget
from crypto_assets.orchestrator.repository import Repository, find_loaded_repository
from crypto_assets.orchestrator.runs import LaunchRequest, launch_run
from crypto_assets.orchestrator.webserver_client import WebserverClient

_ASSET_GROUP = "maintenance"
# Dagster's implicit job of all assets without partitions.
_ASSET_JOB = "__ASSET_JOB"

_TASKS_QUERY = """
query ($group: AssetGroupSelector!) {
  assetNodes(group: $group) { assetKey { path } isPartitioned }
}
"""


def launch_maintenance_task(webserver: WebserverClient, task: str, tags: Mapping[str, str]) -> str:
    """Launch a maintenance task and return the run's id.

    Raises UnknownTarget, which lists the tasks: the group's assets without partitions.
    """
    repository = find_loaded_repository(webserver)
    known = _fetch_task_names(webserver, repository)
    if task not in known:
        raise UnknownTarget(
            f"no maintenance task {task!r}; available: {', '.join(known) or 'none'}"
        )
    return launch_run(webserver, LaunchRequest(repository, _ASSET_JOB, tags, assets=[task]))


def _fetch_task_names(webserver: WebserverClient, repository: Repository) -> list[str]:
    group = {**repository.selector, "groupName": _ASSET_GROUP}
    nodes = webserver.run_query(_TASKS_QUERY, group=group)["assetNodes"]
    return sorted("/".join(n["assetKey"]["path"]) for n in nodes if not n["isPartitioned"])
