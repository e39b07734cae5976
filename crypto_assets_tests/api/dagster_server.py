"""A real Dagster (webserver and daemon) with the project's definitions in its own home."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crypto_assets_tests.cli.conftest import Desk
from crypto_assets_tests.services.dagster_tree import Tree


@dataclass(frozen=True)
class DagsterServer:
    """A running Dagster; runs stay queued until `start_daemon`, which may be called once."""

    url: str
    desk: Desk
    start_daemon: Callable[[], None]


@contextmanager
def dagster_over(folder: Path, exchange_url: str, **settings: str) -> Iterator[DagsterServer]:
    """Prepare the home as `init` does and start Dagster; schedules and sensors do not tick."""
    tree = Tree.planted(folder, exchange_url, **settings)
    try:
        tree.start_webserver()
        yield DagsterServer(tree.url, tree.desk, tree.start_daemon_alone)
    finally:
        tree.kill_all()
