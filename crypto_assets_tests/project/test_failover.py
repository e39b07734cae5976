"""A drill with a primary and a replica, by the steps of docs/replicas.md: loss, failover, return.

The services run by the commands and settings of docker-compose.yml. Both servers have the
warehouse and Dagster's database.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pymysql
import pytest

from crypto_assets.exchange.simulated import (
    FaultScript,
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.market.utc_time import MINUTES_PER_DAY
from crypto_assets_tests.api.serving import BEARER, Api
from crypto_assets_tests.project.production import (
    FIRST,
    NOW,
    READY_SECONDS,
    SYMBOL,
    Production,
    stop_service,
    wait_for,
)
from crypto_assets_tests.project.replica_page import (
    list_commands,
    list_steps,
    read_server_options,
    run_step,
)
from crypto_assets_tests.project.test_one_machine import run_machine
from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.services.lifetime import killed_server
from crypto_assets_tests.services.mariadb import DatabaseServer, StartServer
from crypto_assets_tests.services.s3 import S3Server

pytestmark = pytest.mark.timeout(1800)

DATABASES = ("crypto", "dagster")
DAGSTER, READERS = ("code", "webserver", "daemon"), ("app", "api")
DAYS = {"first": 3, "without the replica": 3, "without the primary": 30}
CANNOT_REACH = "Cannot reach the warehouse"
APPLIED = "Slave has read all relay log"
AS_REPLICA = "--init-rpl-role=SLAVE"
LIMIT_SECONDS = 400


@dataclass
class Drill(Production):
    """The services, and the two servers by their names in the page."""

    servers: Mapping[str, DatabaseServer] = field(default_factory=dict)
    loaded_days: int = 0

    @property
    def api(self) -> Api:
        return Api(self.machine.here("http://127.0.0.1:8000"))

    @property
    def app_url(self) -> str:
        return self.machine.here("http://127.0.0.1:8501")

    def point_at(self, primary: str, replica: str) -> None:
        """Set the URLs of the warehouse and the address of Dagster's database."""
        secrets = Path(self.machine.places["/run/secrets"])
        for name, host in (("warehouse_url", primary), ("warehouse_read_url", replica)):
            login, _, rest = (secrets / name).read_text().rpartition("@")
            _, _, database = rest.partition("/")
            address = f"127.0.0.1:{self.servers[host].port}"
            (secrets / name).write_text(f"{login}@{address}/{database}")
        port = str(self.servers[primary].port)
        self.machine.extra = {**self.machine.extra, "DAGSTER_MYSQL_PORT": port}
        self.storage = self.servers[primary]

    def start_readers(self) -> None:
        for name in READERS:
            self.machine.start(name)
            wait_for(lambda name=name: self.machine.healthy(name), READY_SECONDS)

    def stop(self, *names: str) -> None:
        for name in names:
            stop_service(self.machine, name)

    def call(self, *command: str) -> str:
        """Run a command with the settings of the service `init`."""
        ran = subprocess.run(
            [sys.executable, "-m", "crypto_assets", *command],
            env=self.machine.environment("init"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
        )
        assert ran.returncode == 0, ran.stdout.decode()
        return ran.stdout.decode()

    def read_lag(self) -> str | None:
        answer = self.api.get(f"/api/klines/{SYMBOL}", interval="1m")
        lag: str | None = answer.headers.get("X-Replica-Lag-Ms")
        return lag if answer.status_code == 200 else None

    def require_equal_servers(self) -> None:
        """Wait until both servers have the same rows, and the minutes of all days, each once."""
        wait_for(
            lambda: read_checksums(self.servers["db-1"]) == read_checksums(self.servers["db-2"]), 60
        )
        for server in self.servers.values():
            assert count_minutes(server) == 2 * [self.loaded_days * MINUTES_PER_DAY]


def read_checksums(server: DatabaseServer) -> dict[str, int]:
    """Return the checksum of each table of both databases."""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables "
            f"WHERE table_type = 'BASE TABLE' AND table_schema IN {DATABASES}"
        )
        tables = ", ".join(sorted(name for (name,) in cursor.fetchall()))
        cursor.execute(f"CHECKSUM TABLE {tables}")
        return dict(cursor.fetchall())


def count_minutes(server: DatabaseServer) -> list[int]:
    """Return the number of minutes, and of their different times."""
    with server.connect("crypto") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*), COUNT(DISTINCT open_time) FROM fact_klines")
        return list(cursor.fetchone() or ())


def wait_until_up(server: DatabaseServer) -> None:
    def connects() -> bool:
        try:
            server.execute("SELECT 1")
        except pymysql.err.OperationalError:
            return False
        return True

    wait_for(connects, READY_SECONDS)


def promote(servers: Mapping[str, DatabaseServer]) -> None:
    """Run the steps of a failover, from `db-1` of the page to `db-2`."""
    look, promotion = list_steps("Fail over")
    wait_for(
        lambda: run_step(look, servers)[0]["Slave_SQL_Running_State"].startswith(APPLIED),
        READY_SECONDS,
    )
    run_step(promotion, servers)


def follow(servers: Mapping[str, DatabaseServer]) -> None:
    """Make `db-1` of the page a replica of `db-2`, and wait until both threads run."""
    (step,) = list_steps("Let the old primary return")
    (status,) = run_step(step, servers)

    def runs() -> bool:
        assert (status["Last_IO_Error"], status["Last_SQL_Error"]) == ("", ""), status
        (now,) = run_step(("db-1", ["SHOW SLAVE STATUS"]), servers)
        status.update(now)
        return now["Slave_IO_Running"] == now["Slave_SQL_Running"] == "Yes"

    wait_for(runs, READY_SECONDS)


@pytest.fixture(scope="module")
def drill(
    own_mariadb: StartServer, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Drill]:
    """All services, which read charts from `db-2`; of the sensors only `left_runs` runs."""
    servers = {f"db-{number}": own_mariadb(*read_server_options(number)) for number in (1, 2)}
    for step in list_steps("Set up"):
        run_step(step, servers)
    exchange = SimulatedExchange(
        GeneratedCandles(1, False), SimulatedClock(NOW, 0), FaultScript([])
    )
    folder = tmp_path_factory.mktemp("failover")
    with (
        start_exchange_server(exchange) as url,
        run_machine(folder, url, servers["db-1"], s3_server, CRYPTO_SYMBOLS=SYMBOL) as machine,
    ):
        drill = Drill(machine, servers["db-1"], exchange, servers=servers)
        drill.point_at("db-1", "db-2")
        prepared = machine.run("init")
        assert prepared.returncode == 0, prepared.stdout.decode()
        drill.start_code()
        drill.start_webserver()
        drill.stop_automation()
        drill.start_daemon()
        drill.start_readers()
        yield drill


def load(drill: Drill, days: int) -> str:
    drill.loaded_days += days
    return drill.launch_backfill(days)


def test_readers_name_a_replica_that_is_down(drill: Drill, open_tab: OpenTab) -> None:
    drill.require_success(load(drill, DAYS["first"]), LIMIT_SECONDS)
    wait_for(lambda: drill.read_lag() == "0", READY_SECONDS)
    place = f"127.0.0.1:{drill.servers['db-2'].port}"
    tab = open_tab(f"{drill.app_url}/analytics?symbol={SYMBOL}")
    tab.page.get_by_text("BTC / USDT").first.wait_for()
    with killed_server(drill.servers["db-2"].pid):
        answer = drill.api.get(f"/api/klines/{SYMBOL}", BEARER, interval="1m")
        assert (answer.status_code, place in answer.text) == (503, True)
        assert "x-replica-lag-ms" not in answer.headers
        wait_for(
            lambda: place in str(drill.api.get("/health", BEARER).json()["warehouse"]),
            READY_SECONDS,
        )
        wait_for(
            lambda: 'crypto_assets_up{part="warehouse"} 0.0' in drill.api.get("/metrics").text, 60
        )
        tab.page.reload()
        tab.page.get_by_text(CANNOT_REACH).first.wait_for()
        drill.require_success(load(drill, DAYS["without the replica"]), LIMIT_SECONDS)
    wait_until_up(drill.servers["db-2"])
    wait_for(lambda: drill.read_lag() == "0", READY_SECONDS)
    tab.page.get_by_text(CANNOT_REACH).first.wait_for(state="hidden")
    drill.require_equal_servers()


def test_the_replica_becomes_the_primary_in_a_backfill(drill: Drill, open_tab: OpenTab) -> None:
    drill.exchange.faults.add_rule({"do": "stall", "seconds": 1, "path": "/data/*"})
    backfill = load(drill, DAYS["without the primary"])
    wait_for(lambda: drill.count_materializations(backfill) > 0, READY_SECONDS)
    old = drill.servers["db-1"]
    with ExitStack() as away:
        away.enter_context(killed_server(old.pid, AS_REPLICA))
        # Charts go on, and what needs the primary says so.
        assert drill.api.read(f"/api/klines/{SYMBOL}", interval="1m")["data"]
        answer = drill.api.get("/api/pipeline/status", BEARER)
        assert (answer.status_code, str(old.port) in answer.text) == (503, True)
        tab = open_tab(f"{drill.app_url}/analytics?symbol={SYMBOL}")
        tab.page.get_by_text("BTC / USDT").first.wait_for()
        drill.stop(*DAGSTER, *READERS)
        promote(drill.servers)
        drill.point_at("db-2", "db-2")
        drill.exchange.faults.clear_rules()
        drill.start_dagster()
        drill.start_readers()
        drill.require_success(backfill, LIMIT_SECONDS)
        for command in list_commands("Fail over"):
            drill.call(*command)
    wait_until_up(old)
    follow(drill.servers)
    drill.point_at("db-2", "db-1")
    drill.stop(*READERS)
    drill.start_readers()
    wait_for(lambda: drill.read_lag() == "0", READY_SECONDS)
    assert "The replica is" not in drill.call("status")
    drill.require_equal_servers()


def test_the_roles_change_back(drill: Drill) -> None:
    drill.stop(*DAGSTER, *READERS)
    (refusing,) = list_steps("Fail back")
    run_step(refusing, drill.servers)
    exchanged = {"db-1": drill.servers["db-2"], "db-2": drill.servers["db-1"]}
    promote(exchanged)
    follow(exchanged)
    drill.point_at("db-1", "db-2")
    drill.start_dagster()
    drill.start_readers()
    drill.require_success(load(drill, DAYS["first"]), LIMIT_SECONDS)
    wait_for(lambda: drill.read_lag() == "0", READY_SECONDS)
    last = FIRST + timedelta(days=drill.loaded_days - 1)
    drill.call("verify", "--from", str(FIRST), "--to", str(last))
    drill.require_equal_servers()
