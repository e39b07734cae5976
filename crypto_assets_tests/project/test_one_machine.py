"""The one-machine size: each service by its own command, with a database and an S3 server.

The reverse proxy is Caddy with the file of its container, in front of the three servers.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pymysql
import pytest
import requests
from playwright.sync_api import Browser, WebSocket

from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.tcp_ports import claim_port
from crypto_assets_tests.access.serving import OPERATOR_TOKEN
from crypto_assets_tests.project.compose import Machine
from crypto_assets_tests.project.repository import ROOT, text
from crypto_assets_tests.services.caddy import serve_caddy
from crypto_assets_tests.services.chromium import TIMEOUT_MS, Tab, note_errors
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.services.programs import run_program
from crypto_assets_tests.services.s3 import S3Server

READ_PASSWORD = "reads"
# Saturday 2025-01-04 12:00:30 UTC, on a running clock: days 2 and 3 are closed.
NOW = 1_735_992_030_000
ANYWHERE = "0.0.0.0"  # noqa: S104  # the address of the containers
LONG_RUNNING = ("code", "webserver", "daemon", "app", "api")
FORGED_ADDRESS = "192.0.2.77"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}

Seen = TypeVar("Seen")


def wait_for(look: Callable[[], Seen], seconds: float) -> Seen:
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"nothing within {seconds} s"
        time.sleep(0.5)
    return seen


def free_ports(count: int) -> list[int]:
    with ExitStack() as claimed:
        sockets = [claimed.enter_context(claim_port(0)) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


def write_secrets(server: DatabaseServer, folder: Path) -> Path:
    """Write the secrets as `make up` does, with the address of our server."""
    secrets = folder / "secrets"
    subprocess.run(
        ["sh", str(ROOT / "deploy/write-secrets.sh"), str(secrets)],
        env={
            "PATH": os.environ["PATH"],
            "MYSQL_HOST": "127.0.0.1",
            "MYSQL_PORT": str(server.port),
            "MYSQL_READ_PASSWORD": READ_PASSWORD,
            "CRYPTO_OPERATOR_TOKEN": OPERATOR_TOKEN,
        },
        check=True,
    )
    (secrets / "mysql_root_password").write_text("")
    return secrets


def create_databases(server: DatabaseServer, secrets: Path, folder: Path) -> None:
    """Run the init script of MySQL's image for our server."""
    client = folder / "mysql"
    client.write_text('#!/bin/sh\nexec mariadb "$@"\n')
    client.chmod(0o755)
    subprocess.run(
        ["bash", str(ROOT / "deploy/mysql/10-databases.sh"), "--no-defaults"],
        env={
            "MYSQL_HOST": "127.0.0.1",
            "MYSQL_PORT": str(server.port),
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "SECRETS_DIR": str(secrets),
        },
        check=True,
    )


@contextmanager
def run_machine(
    folder: Path,
    exchange_url: str,
    warehouse: DatabaseServer,
    s3_server: S3Server,
    storage: DatabaseServer | None = None,
    config: str = "deploy/dagster.yaml",
    **variables: str,
) -> Iterator[Machine]:
    """Prepare the services with their places on this machine; `storage` has Dagster's database."""
    secrets = write_secrets(warehouse, folder)
    for server in {warehouse, storage or warehouse}:
        create_databases(server, secrets, folder)
    code, webserver, app, api = (str(port) for port in free_ports(4))
    home = folder / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(text(config))
    workspace = text("deploy/workspace.yaml").replace("host: code", "host: 127.0.0.1")
    (home / "workspace.yaml").write_text(workspace.replace("port: 4000", f"port: {code}"))
    machine = Machine(
        variables={
            "CRYPTO_EXCHANGE_URL": exchange_url,
            "CRYPTO_ARCHIVE_URL": exchange_url,
            "CRYPTO_SYMBOLS": "BTCUSDT,ETHUSDT",
            **variables,
        },
        places={
            "/run/secrets": str(secrets),
            "http://webserver:3000": f"http://127.0.0.1:{webserver}",
            "127.0.0.1:3000": f"127.0.0.1:{webserver}",
            "code-control:4000": f"127.0.0.1:{code}",
            "code-control": "127.0.0.1",
            "127.0.0.1:8501": f"127.0.0.1:{app}",
            "127.0.0.1:8000": f"127.0.0.1:{api}",
            ANYWHERE: "127.0.0.1",
            "/var/lib/dagster": str(home),
        },
        extra={
            **s3_server.environment(),
            "DAGSTER_HOME": str(home),
            "CRYPTO_HOME": str(folder / "home"),
            "DAGSTER_MYSQL_HOST": "127.0.0.1",
            "DAGSTER_MYSQL_PORT": str((storage or warehouse).port),
        },
        logs=folder,
        ports={"4000": code, "3000": webserver, "8501": app, "8000": api},
    )
    try:
        yield machine
    finally:
        machine.kill()


@pytest.fixture(scope="module")
def machine(
    mariadb: DatabaseServer, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """The initialized machine, whose services run and are healthy."""
    exchange = SimulatedExchange(GeneratedCandles(1, False), SimulatedClock(NOW, 1))
    folder = tmp_path_factory.mktemp("machine")
    https, dagster_https = free_ports(2)
    proxy = {
        "HTTPS_PORT": str(https),
        "DAGSTER_HTTPS_PORT": str(dagster_https),
        # From which Caddy connects to the servers here.
        "CRYPTO_TRUSTED_PROXIES": "127.0.0.1",
    }
    with (
        start_exchange_server(exchange) as url,
        run_machine(folder, url, mariadb, s3_server, **proxy) as machine,
    ):
        ended = machine.run("init")
        assert ended.returncode == 0, ended.stdout.decode()
        for name in LONG_RUNNING:
            machine.start(name)
            if name == "code":
                wait_for(lambda: machine.healthy("code"), 90)
        for name in LONG_RUNNING[1:]:
            wait_for(lambda name=name: machine.healthy(name), 90)
        yield machine


@pytest.fixture(scope="module")
def backfill(machine: Machine) -> str:
    """The status of a run that fetched two days of two symbols."""
    return run_backfill(machine)


@dataclass(frozen=True)
class Proxy:
    """The running reverse proxy: its addresses, and the certificate of its authority."""

    app_url: str
    dagster_url: str
    certificate: Path
    log: Path

    def get(self, path: str, **options: Any) -> requests.Response:
        url = f"{self.app_url}{path}"
        return requests.get(url, timeout=30, verify=str(self.certificate), **options)


@pytest.fixture
def proxy(machine: Machine) -> Iterator[Proxy]:
    """Caddy in front of the running app, API and webserver, with the variables of its container."""
    (probe,) = free_ports(1)
    ports = {
        "8443": int(machine.variables["HTTPS_PORT"]),
        "3443": int(machine.variables["DAGSTER_HTTPS_PORT"]),
        "2020": probe,
    }
    service = machine.service("proxy")
    variables = {key: machine.here(value) for key, value in service["environment"].items()}
    variables |= {
        f"{name}_SERVER": f"127.0.0.1:{machine.ports[port]}"
        for name, port in (("APP", "8501"), ("API", "8000"), ("DAGSTER", "3000"))
    }
    folder = machine.logs / "caddy"
    with serve_caddy(folder, ports, {**variables, "XDG_DATA_HOME": str(folder)}) as process:
        wait_for(lambda: process.poll() is None and answers(f"http://127.0.0.1:{probe}/"), 30)
        yield Proxy(
            machine.environment("app")["CRYPTO_APP_LINK_URL"],
            machine.environment("app")["CRYPTO_DAGSTER_LINK_URL"],
            folder / "caddy/pki/authorities/local/root.crt",
            folder / "caddy.log",
        )


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


def graphql(machine: Machine, query: str, **variables: object) -> dict[str, Any]:
    answer = requests.post(
        f"{machine.here('http://webserver:3000')}/graphql",
        json={"query": query, "variables": variables},
        headers={"Authorization": f"Bearer {OPERATOR_TOKEN}"},
        timeout=30,
    ).json()
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


LAUNCH = """mutation Launch($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) {
    __typename ... on LaunchRunSuccess { run { id } } ... on PythonError { message }
  }
}"""
LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries {
  name loadStatus locationOrLoadError { __typename ... on PythonError { message } }
} } } }"""
STATUS = """query Status($run: ID!) {
  runOrError(runId: $run) { ... on Run { status } }
}"""


def test_the_log_bucket_is_created_once(machine: Machine) -> None:
    again = subprocess.run(
        ["python", "deploy/log_bucket.py"], cwd=ROOT, env=machine.environment("init")
    )
    assert again.returncode == 0


def test_the_webserver_has_loaded_the_code(machine: Machine) -> None:
    (entry,) = graphql(machine, LOCATIONS)["workspaceOrError"]["locationEntries"]
    assert entry["name"] == "crypto_assets"
    assert entry["locationOrLoadError"] == {"__typename": "RepositoryLocation"}


def test_the_proxy_serves_app_api_and_dagster_to_one_cookie(
    machine: Machine, proxy: Proxy, chromium: Browser, mariadb: DatabaseServer
) -> None:
    """A link unlocks the browser on all three; pages work, which need WebSockets."""
    printed = run_program(["crypto-assets", "unlock"], env=machine.environment("app"), cwd=ROOT)
    # No client may choose its own address, as a trusted proxy may.
    forged = {"X-Forwarded-For": FORGED_ADDRESS}
    context = chromium.new_context(ignore_https_errors=True, extra_http_headers=forged)
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    tab = Tab(page)
    note_errors(tab)
    page.goto(printed.stdout.strip())
    assert page.url.startswith(f"{proxy.app_url}/")
    page.get_by_text("BTCUSDT").first.wait_for()
    (cookie,) = [one for one in context.cookies() if one["name"] == "crypto_session"]
    assert (cookie.get("secure"), cookie.get("sameSite")) == (True, "Strict")
    stopped = page.evaluate(
        """async () => (await fetch('/api/schedules/order_books_schedule', {method: 'PUT',
        headers: {'Content-Type': 'application/json'}, body: '{"running": false}'})).status"""
    )
    assert stopped == 200
    frames: list[str] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda _: frames.append(socket.url))

    page.on("websocket", listen)
    page.goto(f"{proxy.dagster_url}/runs")
    socket_url = f"{proxy.dagster_url.replace('https', 'wss')}/graphql"
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while socket_url not in frames:
        assert time.monotonic() < deadline, (frames, tab.errors)
        page.wait_for_timeout(100)
    assert page.get_by_text("Read-only").count() == 0
    # Dagster's page gives a connection a second to open, and then tries again.
    gave_up = "WebSocket is closed before the connection is established"
    assert [error for error in tab.errors if gave_up not in error] == []
    reader = chromium.new_context(ignore_https_errors=True).new_page()
    reader.goto(f"{proxy.dagster_url}/runs")
    reader.get_by_text("Read-only").first.wait_for()
    for opened_context in (context, reader.context):
        opened_context.close()
    log = proxy.log.read_text()
    assert "/unlock?…" in log and "crypto_session" not in log
    with mariadb.connect("crypto") as connection:
        changes = "SELECT COUNT(*) FROM audit_log WHERE address IN ('{}', '{}')"
        assert one(connection, changes.format("127.0.0.1", "::1")) == 1
        assert one(connection, changes.format(FORGED_ADDRESS, "")) == 0


def test_the_proxy_serves_the_api_and_refuses_other_origins(proxy: Proxy) -> None:
    answer = proxy.get("/health/live")
    assert answer.status_code == 200 and "Server" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert proxy.get("/api/symbols").json()
    assert proxy.get("/docs").status_code == 200
    assert "crypto_assets_up" in proxy.get("/metrics").text
    # A page of another origin may open a WebSocket here as little as without the proxy.
    refused = proxy.get("/_stcore/stream", headers={"Origin": "https://evil.example", **UPGRADE})
    assert refused.status_code == 403


def test_a_run_goes_through_the_code_server_into_lake_and_database(
    machine: Machine, mariadb: DatabaseServer, backfill: str
) -> None:
    assert backfill == "SUCCESS", machine.output("code")
    assert counts(mariadb) == {"fact_klines": 5760, "hourly_klines": 96, "daily_klines": 4}


def run_backfill(machine: Machine) -> str:
    launched = graphql(
        machine,
        LAUNCH,
        parameters={
            "selector": {
                "repositoryLocationName": "crypto_assets",
                "repositoryName": "__repository__",
                "jobName": "backfill",
            },
            "executionMetadata": {
                "tags": [
                    {"key": "dagster/asset_partition_range_start", "value": "2025-01-02|BTCUSDT"},
                    {"key": "dagster/asset_partition_range_end", "value": "2025-01-03|ETHUSDT"},
                ]
            },
        },
    )["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run = launched["run"]["id"]
    status: str = wait_for(lambda: final_status(machine, run), 120) or ""
    return status


def final_status(machine: Machine, run: str) -> str | None:
    status: str = graphql(machine, STATUS, run=run)["runOrError"]["status"]
    return status if status in ("SUCCESS", "FAILURE", "CANCELED") else None


def counts(mariadb: DatabaseServer) -> dict[str, int]:
    """The rows of the two days, read by the read-only user."""
    with pymysql.connect(
        host="127.0.0.1",
        port=mariadb.port,
        user="crypto_read",
        password=READ_PASSWORD,
        database="crypto",
    ) as connection:
        return {
            table: one(
                connection,
                f"SELECT COUNT(*) FROM {table} WHERE open_time >= 1735776000000 "
                "AND open_time < 1735948800000",
            )
            for table in ("fact_klines", "hourly_klines", "daily_klines")
        }


def one(connection: Any, statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    "statement", ["SELECT COUNT(*) FROM app_settings", "DELETE FROM fact_klines"]
)
def test_the_user_of_the_charts_cannot_read_secrets_or_write(
    mariadb: DatabaseServer, statement: str
) -> None:
    with (
        pymysql.connect(
            host="127.0.0.1",
            port=mariadb.port,
            user="crypto_read",
            password=READ_PASSWORD,
            database="crypto",
        ) as connection,
        pytest.raises(pymysql.err.OperationalError, match="denied"),
    ):
        one(connection, statement)


@pytest.mark.usefixtures("backfill")
def test_logs_of_runs_are_in_the_log_bucket(machine: Machine, s3_server: S3Server) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=s3_server.endpoint,
        aws_access_key_id=s3_server.access_key,
        aws_secret_access_key=s3_server.secret_key,
        region_name="us-east-1",
    )
    bucket = machine.environment("code")["DAGSTER_LOG_BUCKET"]
    listed = client.list_objects_v2(Bucket=bucket, Prefix="runs/")
    assert listed.get("Contents")


def test_a_daemon_without_a_recent_heartbeat_is_unhealthy(
    machine: Machine, mariadb: DatabaseServer
) -> None:
    """The daemon is paused, as if it hung, while the other services run."""
    assert machine.healthy("daemon")
    daemon = machine.running["daemon"].pid
    os.kill(daemon, signal.SIGSTOP)
    try:
        mariadb.execute(
            "UPDATE dagster.daemon_heartbeats SET timestamp = timestamp - INTERVAL 10 MINUTE"
        )
        assert not machine.healthy("daemon")
    finally:
        os.kill(daemon, signal.SIGCONT)


@pytest.mark.usefixtures("backfill")
def test_every_service_stops_when_asked_to_and_wrote_only_json(machine: Machine) -> None:
    """Every line is an object, from the start to the stop: the code server's with its runs'."""
    assert machine.stop(seconds=45) == []
    processes = {
        name: {json.loads(line)["process"] for line in machine.read_log(name)}
        for name in machine.running
    }
    assert processes.pop("code") == {"code_server", "run"}
    assert processes == {name: {name} for name in ("webserver", "daemon", "app", "api")}
