"""Maintenance by hand: any asset of Dagster's group `maintenance`, in a run of its own."""

from collections.abc import Mapping

from crypto_assets.errors import UnknownTarget
from crypto_assets.orchestrator.repository import Repository, loaded_repository
from crypto_assets.orchestrator.runs import RunOrder, launch
from crypto_assets.orchestrator.webserver_client import Webserver

_GROUP = "maintenance"
# The job that Dagster makes of all assets which need no partition.
_ANY_ASSETS = "__ASSET_JOB"

_TASKS = """
query ($group: AssetGroupSelector!) {
  assetNodes(group: $group) { assetKey { path } isPartitioned }
}
"""


def tasks(webserver: Webserver) -> list[str]:
    """Names of the assets that can be run so: those without partitions."""
    return _tasks(webserver, loaded_repository(webserver))


def run(webserver: Webserver, task: str, tags: Mapping[str, str]) -> str:
    """Launches a task; answers the run's id. Raises UnknownTarget, listing the tasks."""
    repository = loaded_repository(webserver)
    known = _tasks(webserver, repository)
    if task not in known:
        raise UnknownTarget(
            f"no maintenance task {task!r}; there are: {', '.join(known) or 'none'}"
        )
    order = RunOrder(repository, _ANY_ASSETS, tags, assets=[task])
    return launch(webserver, order)


def _tasks(webserver: Webserver, repository: Repository) -> list[str]:
    group = {**repository.selector, "groupName": _GROUP}
    nodes = webserver.ask(_TASKS, group=group)["assetNodes"]
    return sorted("/".join(n["assetKey"]["path"]) for n in nodes if not n["isPartitioned"])
