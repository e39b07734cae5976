"""Measures what an engine event costs in Dagster's MySQL storage, with TLS.

Usage: [CRYPTO_TEST_SERVER=mysql CRYPTO_TEST_MYSQL_ROOT=…] python -m
crypto_assets_tests.bench.storage_events [EVENTS]

Prints the processor time of this process, and the server's connections, for each event: with the
storage of deploy/dagster.yaml, and with Dagster's own, which opens a connection for each call.
"""

import os
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster._core.instance import DagsterInstance

from crypto_assets.dagster_ext.instance_home import open_instance
from crypto_assets.settings import get_settings
from crypto_assets_tests.services.certificates import Authority
from crypto_assets_tests.services.mariadb import (
    THROWAWAY,
    DatabaseServer,
    create_dagster_database,
    start_server,
)


def measure_events(
    server: DatabaseServer, storage: dict[str, Any], count: int
) -> tuple[float, float]:
    """Return the milliseconds of processor time and the connections of an event."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "dagster.yaml").write_text(
            yaml.dump({"storage": storage, "telemetry": {"enabled": False}})
        )
        with open_instance(home) as instance:
            report_events(instance, 5)
            connections, began = count_connections(server), time.process_time()
            report_events(instance, count)
            spent = time.process_time() - began
            opened = count_connections(server) - connections - 1
    return spent / count * 1000, opened / count


def report_events(instance: DagsterInstance, count: int) -> None:
    run = instance.create_run_for_job(_nothing)
    for number in range(count):
        instance.report_engine_event(f"event {number}", run)


def count_connections(server: DatabaseServer) -> int:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Connections'")
        (_, count) = cursor.fetchone() or ("", 0)
    return int(count)


@dg.op
def _do_nothing() -> None:
    pass


@dg.job
def _nothing() -> None:
    _do_nothing()


def main(count: int) -> None:
    from crypto_assets_tests.project.repository import text

    kind = os.environ.get("CRYPTO_TEST_SERVER", "mariadb")
    pooled = yaml.safe_load(text("deploy/dagster.yaml"))["storage"]
    own = {"mysql_db": {**pooled["custom"]["config"]["mysql_db"], "password": "word"}}
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder), "bench")
        tuning = (*THROWAWAY, *authority.server_options("127.0.0.1"))
        with closing(start_server(kind, Path(folder), tuning)) as servers:
            server = next(servers)
            with create_dagster_database(server) as variables:
                os.environ.update(variables)
                os.environ["DAGSTER_MYSQL_OPTIONS"] = f"ssl_ca={authority.ca}"
                get_settings.cache_clear()
                for name, storage in (
                    ("deploy/dagster.yaml", pooled),
                    ("Dagster's own storage", {"mysql": own}),
                ):
                    spent, opened = measure_events(server, storage, count)
                    print(f"{name}: {spent:.1f} ms, {opened:.2f} connections an event")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
