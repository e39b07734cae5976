"""The one-machine size survives outages: each ends with its backfill complete.

The services run by the commands and settings of docker-compose.yml and `deploy/dagster.yaml`.
"""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from crypto_assets.dagster_ext.run_liveness import RUN_OWNER_TAG
from crypto_assets.exchange.simulated import (
    FaultScript,
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets_tests.project.production import (
    NOW,
    Production,
    kill_service,
    stop_service,
    wait_for,
)
from crypto_assets_tests.project.test_one_machine import run_machine
from crypto_assets_tests.services.mariadb import StartServer
from crypto_assets_tests.services.s3 import S3Server

pytestmark = pytest.mark.timeout(600)

OUTAGE_SECONDS = 20
DATABASE_OUTAGE_SECONDS = 30
# From the end of an outage to that of the backfill. It is three minutes with Dagster's own daemon,
# which evaluates a backfill every 30 seconds, at its start and at its end.
LIMIT_SECONDS = 120
# The daemon writes it when the code server has started the process of a run.
LAUNCHED = "Launched 1 runs."


@pytest.fixture(scope="module")
def production(
    own_mariadb: StartServer,
    s3_server: S3Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Production]:
    """Code server, webserver and daemon; of the sensors only the one that fails abandoned runs."""
    # A killed server keeps what it has committed.
    storage = own_mariadb("--innodb-flush-log-at-trx-commit=2")
    # Not the session's, whose users have the passwords of another test.
    warehouse = own_mariadb()
    exchange = SimulatedExchange(
        GeneratedCandles(1, False), SimulatedClock(NOW, 0), FaultScript([])
    )
    folder = tmp_path_factory.mktemp("restarts")
    with (
        start_exchange_server(exchange) as url,
        run_machine(folder, url, warehouse, s3_server, storage) as machine,
    ):
        production = Production(machine, storage, exchange)
        prepared = machine.run("init")
        assert prepared.returncode == 0, prepared.stdout.decode()
        production.start_code()
        production.start_webserver()
        production.stop_automation()
        production.start_daemon()
        yield production


def test_a_code_server_that_is_stopped_in_a_backfill(production: Production) -> None:
    production.exchange.faults.add_rule({"do": "stall", "seconds": 1, "path": "/data/*"})
    backfill = production.launch_backfill(days=60)
    wait_for(lambda: production.list_runs(backfill, "STARTED"), 120)
    stop_service(production.machine, "code")
    time.sleep(OUTAGE_SECONDS)
    production.exchange.faults.clear_rules()
    since = time.monotonic()
    production.start_code()
    production.require_success(backfill, LIMIT_SECONDS - (time.monotonic() - since))


def test_a_code_server_that_is_killed_while_a_run_starts(production: Production) -> None:
    """The run has a process, which has not stamped it: the code server alone knew of it."""
    log = production.machine.logs / "daemon.log"
    launched = log.read_text().count(LAUNCHED)
    backfill = production.launch_backfill(days=2)
    wait_for(lambda: log.read_text().count(LAUNCHED) > launched, 120)
    kill_service(production.machine, "code")
    (killed,) = production.list_runs(backfill, "STARTING")
    assert RUN_OWNER_TAG not in production.list_runs(backfill, "STARTING")[killed]
    since = time.monotonic()
    production.start_code()
    wait_for(lambda: production.list_runs(backfill, "FAILURE"), 90)
    production.require_success(backfill, LIMIT_SECONDS - (time.monotonic() - since))


def test_dagsters_database_is_killed_in_a_backfill(production: Production, tmp_path: Path) -> None:
    production.exchange.faults.add_rule({"do": "stall", "seconds": 1, "path": "/data/*"})
    backfill = production.launch_backfill(days=60)
    wait_for(lambda: production.count_materializations(backfill) > 0, 120)
    server = psutil.Process(production.storage.pid)
    command, folder = server.cmdline(), server.cwd()
    server.kill()
    time.sleep(DATABASE_OUTAGE_SECONDS)
    production.exchange.faults.clear_rules()
    with (tmp_path / "server.log").open("wb") as log:
        restarted = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        production.require_success(backfill, LIMIT_SECONDS)
    finally:
        restarted.kill()
        restarted.wait()
