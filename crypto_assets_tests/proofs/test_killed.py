"""Daemon, run processes or all processes are killed while runs fetch, load and aggregate.

Every run ends, none stays STARTED, and the data is complete.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg
import psutil
import pytest

from crypto_assets.dagster_ext.run_liveness import RUN_OWNER_TAG
from crypto_assets.orchestrator.repository import find_loaded_repository
from crypto_assets.orchestrator.run_queue import RunClass, build_run_tags
from crypto_assets.orchestrator.runs import LaunchRequest, launch_run
from crypto_assets_tests.defs.partition_ranges import build_range_tags
from crypto_assets_tests.proofs.moments import RUN_CLASSES, SYMBOLS, block_runs
from crypto_assets_tests.proofs.served import Served, serve
from crypto_assets_tests.services.dagster_tree import wait_for
from crypto_assets_tests.services.exchange import NOON
from crypto_assets_tests.services.mariadb import DatabaseServer

# A busy machine takes minutes where a quiet one takes seconds.
pytestmark = pytest.mark.timeout(1800)
_ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


@pytest.fixture(scope="module")
def warehouse_url(mariadb: DatabaseServer) -> str:
    return mariadb.fresh()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, warehouse_url: str) -> Iterator[Served]:
    """Dagster's processes with only the sensor `left_runs` running."""
    folder = tmp_path_factory.mktemp("killed")
    settings = {"SYMBOLS": ",".join(SYMBOLS), "START_DATE": "2025-03-01"}
    with serve(folder, NOON, warehouse_url=warehouse_url, **settings) as served:
        served.tree.start_webserver()
        served.tree.switch_all(running=False, but=("left_runs",))
        served.tree.start_daemon()
        yield served


@pytest.mark.parametrize(
    ("target", "day"),
    [
        ("workers", date(2025, 3, 3)),
        ("daemon", date(2025, 3, 4)),
        ("tree", date(2025, 3, 5)),
    ],
)
def test_processes_killed_while_runs_fetch_load_and_aggregate(
    served: Served, mariadb: DatabaseServer, warehouse_url: str, target: str, day: date
) -> None:
    database = warehouse_url.rpartition("/")[2]
    with block_runs(served.exchange.faults, mariadb, database, day) as blocked:
        run_ids = [_launch(served, *one, day) for one in zip(SYMBOLS, RUN_CLASSES, strict=True)]
        wait_for(blocked.reached)
        workers = [_worker(served, run_id) for run_id in run_ids]
        assert [served.minutes(name, day, day) for name in SYMBOLS] == [0, 0, 1440]
        _kill(served, target, workers)
    # Runs survive the daemon; the run of a killed process is retried.
    expected = ["SUCCESS"] if target == "daemon" else ["SUCCESS", "FAILURE"]
    wait_for(lambda: all(_statuses(served, run_id) == expected for run_id in run_ids))
    assert {run["status"] for run in served.tree.runs()} <= _ENDED
    for name in SYMBOLS:
        assert served.minutes(name, day, day) == 1440
    served.verify(day, day)


def _launch(served: Served, symbol: str, run_class: RunClass, day: date) -> str:
    key = f"{day}|{symbol}"
    repository = find_loaded_repository(served.tree.webserver)
    request = LaunchRequest(
        repository, "backfill", {**build_run_tags(run_class), **build_range_tags(key, key)}
    )
    return launch_run(served.tree.webserver, request)


def _worker(served: Served, run_id: str) -> psutil.Process:
    (run,) = [run for run in served.tree.runs() if run["runId"] == run_id]
    assert run["status"] == "STARTED"
    assert RUN_OWNER_TAG not in run["tags"], "hidden in the UI"
    with dg.DagsterInstance.from_config(str(served.tree.desk.home / "dagster")) as instance:
        known = instance.get_run_by_id(run_id)
    assert known is not None
    return psutil.Process(json.loads(known.tags[RUN_OWNER_TAG])["pid"])


def _kill(served: Served, target: str, workers: Sequence[psutil.Process]) -> None:
    """Kill the target, and restart it as a user or systemd would."""
    if target == "workers":
        for worker in workers:
            worker.kill()
    elif target == "daemon":
        served.tree.kill_daemon()
        assert all(worker.is_running() for worker in workers)
        served.tree.start_daemon()
    else:
        served.tree.kill_all()
        assert not any(worker.is_running() for worker in workers)
        served.tree.init()
        served.tree.start()


def _statuses(served: Served, run_id: str) -> list[str]:
    """The statuses of the run's retries, newest first, and of the run."""
    family = [run for run in served.tree.runs() if run_id in (run["runId"], run["rootRunId"])]
    return [run["status"] for run in family]
