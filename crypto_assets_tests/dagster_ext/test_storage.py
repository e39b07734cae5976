"""Dagster's database over TLS with DAGSTER_MYSQL_OPTIONS, and its pooled connections."""

import os
import runpy
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
import yaml

from crypto_assets.dagster_ext.instance_home import open_instance
from crypto_assets.errors import OrchestratorError, WrongUse
from crypto_assets.settings import get_settings
from crypto_assets_tests.bench.storage_events import count_connections, report_events
from crypto_assets_tests.project.repository import ROOT, text
from crypto_assets_tests.services.certificates import Authority
from crypto_assets_tests.services.gate import gate_before
from crypto_assets_tests.services.mariadb import DatabaseServer, StartServer

PASSWORD = "Secret-4711"


@pytest.fixture(scope="module")
def server(own_mariadb: StartServer, authority: Authority) -> DatabaseServer:
    """A server with a certificate for 127.0.0.1 only, which requires TLS of Dagster's user."""
    server = own_mariadb(*authority.server_options("127.0.0.1"))
    server.execute(
        "CREATE DATABASE dagster CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        f"CREATE USER dagster@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL",
        "GRANT ALL ON dagster.* TO dagster@'%'",
    )
    return server


@pytest.fixture
def home(server: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Dagster's home with the storage of the one-machine size."""
    storage = yaml.safe_load(text("deploy/dagster.yaml"))["storage"]
    (tmp_path / "dagster.yaml").write_text(yaml.dump({"storage": storage}))
    monkeypatch.setenv("DAGSTER_MYSQL_HOST", "127.0.0.1")
    monkeypatch.setenv("DAGSTER_MYSQL_PORT", str(server.port))
    monkeypatch.setenv("DAGSTER_MYSQL_PASSWORD", PASSWORD)
    return tmp_path


def choose(monkeypatch: pytest.MonkeyPatch, options: str) -> None:
    monkeypatch.setenv("DAGSTER_MYSQL_OPTIONS", options)
    get_settings.cache_clear()


@pytest.mark.parametrize("mode", ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"])
def test_runs_are_recorded_over_tls(
    home: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    choose(
        monkeypatch, f"ssl_mode={mode}" + ("" if mode == "REQUIRED" else f"&ssl_ca={authority.ca}")
    )
    with open_instance(home) as instance:
        instance.add_dynamic_partitions("symbols", ["BTCUSDT"])
        assert instance.get_dynamic_partitions("symbols") == ["BTCUSDT"]
        instance.optimize_for_webserver(statement_timeout=5000, pool_recycle=60, max_overflow=1)
        assert instance.get_runs() == []
    runpy.run_path(str(ROOT / "deploy/widen_columns.py"), run_name="__main__")


@pytest.mark.parametrize(
    ("options", "host", "expected"),
    [
        ("ssl=false", "127.0.0.1", "also needs ssl_mode=REQUIRED in DAGSTER_MYSQL_OPTIONS"),
        (
            "ssl_mode=VERIFY_CA",
            "127.0.0.1",
            "with the certificate of its CA, in DAGSTER_MYSQL_OPTIONS",
        ),
        ("ssl_ca={ca}", "localhost", "is not for this host"),
    ],
)
def test_connections_without_tls_are_refused(
    home: Path,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    options: str,
    host: str,
    expected: str,
) -> None:
    monkeypatch.setenv("DAGSTER_MYSQL_HOST", host)
    choose(monkeypatch, options.format(ca=authority.ca))
    with pytest.raises(OrchestratorError) as caught, open_instance(home):
        pass
    message = str(caught.value)
    assert expected in message
    assert "TLS" in message
    assert PASSWORD not in message


def test_invalid_storage_options(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "sslmode=require")
    expected = "DAGSTER_MYSQL_OPTIONS has the unknown option 'sslmode'"
    with pytest.raises(WrongUse, match=expected), open_instance(home):
        pass


def test_without_options_the_storage_equals_dagsters_own(
    home: Path, server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home with Dagster's own storage class works with the same tables."""
    choose(monkeypatch, "ssl=true")
    with open_instance(home) as instance:
        instance.add_dynamic_partitions("symbols", ["ETHUSDT"])
    choose(monkeypatch, "")
    config = yaml.safe_load((home / "dagster.yaml").read_text())["storage"]["custom"]["config"]
    config["mysql_db"]["password"] = {"env": "DAGSTER_MYSQL_PASSWORD"}
    (home / "dagster.yaml").write_text(yaml.dump({"storage": {"mysql": config}}))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert "ETHUSDT" in instance.get_dynamic_partitions("symbols")


@pytest.fixture
def instance(
    home: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    choose(monkeypatch, f"ssl_ca={authority.ca}")
    with open_instance(home) as instance:
        yield instance


def test_calls_reuse_their_connections(
    server: DatabaseServer, home: Path, instance: dg.DagsterInstance
) -> None:
    """Also those of another instance in the same process.

    A connection over TLS for each call would take 56 ms of processor time for an event.
    """
    report_events(instance, 1)
    before, began = count_connections(server), time.process_time()
    report_events(instance, 100)
    assert (time.process_time() - began) / 100 < 0.008
    with open_instance(home) as other:
        other.optimize_for_webserver(statement_timeout=5000, pool_recycle=60, max_overflow=1)
        report_events(other, 30)
    assert count_connections(server) - before == 1  # that of the second count


def test_connections_that_the_server_closed_are_replaced(
    server: DatabaseServer, instance: dg.DagsterInstance
) -> None:
    report_events(instance, 1)
    with server.connect() as admin, admin.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE user = 'dagster'")
        sessions = [number for (number,) in cursor.fetchall()]
        assert sessions
        for number in sessions:
            cursor.execute(f"KILL {number}")
    report_events(instance, 1)


def test_calls_wait_for_a_server_that_restarts(
    server: DatabaseServer,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Dagster's own retries, for the time that a server takes to accept connections again."""
    with gate_before(server.port) as gate:
        monkeypatch.setenv("DAGSTER_MYSQL_PORT", str(gate.port))
        choose(monkeypatch, "ssl_mode=REQUIRED")
        with open_instance(home) as instance:
            report_events(instance, 1)
            gate.shut()
            caplog.clear()
            with ThreadPoolExecutor(1) as pool:
                task = pool.submit(report_events, instance, 1)
                while "Retrying failed database connection" not in caplog.text:
                    assert not task.done(), task.exception()
                    time.sleep(0.01)
                gate.open()
                task.result(30)


def test_a_forked_process_opens_its_own_connections(
    server: DatabaseServer, instance: dg.DagsterInstance
) -> None:
    report_events(instance, 1)
    before = count_connections(server)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks of a process with threads
        child = os.fork()
    if child == 0:
        try:
            report_events(instance, 3)
        except BaseException:  # noqa: BLE001
            os._exit(1)
        os._exit(0)
    report_events(instance, 20)
    assert os.waitpid(child, 0)[1] == 0
    assert count_connections(server) - before == 2
