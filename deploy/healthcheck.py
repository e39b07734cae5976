"""Exits 0 if a service is healthy: `healthcheck.py ADDRESS`.

ADDRESS is `http://host:port/path`, `grpc://host:port` of a code server, `daemon` for Dagster's
daemon, whose heartbeats are in its database, or `worker:QUEUE` for the worker of a queue, whose
heartbeats are in the warehouse.
"""

import os
import socket
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import ProxyHandler, build_opener

SECONDS = 8
# The daemons that launch runs. Each of them writes a heartbeat twice a minute.
DAEMONS = ("BACKFILL", "QUEUED_RUN_COORDINATOR", "SCHEDULER", "SENSOR")
MAX_HEARTBEAT_AGE_SECONDS = 300
# A worker writes one every ten seconds.
MAX_WORKER_AGE_SECONDS = 120


def is_web_server_healthy(url: str) -> bool:
    # The service runs in this container, so ignore the environment's proxy.
    with build_opener(ProxyHandler({})).open(url, timeout=SECONDS) as answer:
        return bool(answer.status == 200)


def is_code_server_healthy(address: str) -> bool:
    # Without importing Dagster, which takes seconds.
    import grpc
    from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
    from grpc_health.v1.health_pb2_grpc import HealthStub

    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(address, options=options) as channel:
        request = HealthCheckRequest(service="DagsterApi")
        answer = HealthStub(channel).Check(request, timeout=SECONDS)
    return bool(answer.status == HealthCheckResponse.SERVING)


def is_daemon_healthy() -> bool:
    # Without importing Dagster, whose own check takes two seconds of processor time.
    from pymysql import connect

    host = os.environ["DAGSTER_MYSQL_HOST"]
    password = os.environ.get("DAGSTER_MYSQL_PASSWORD")
    if not password:
        password = Path(os.environ["DAGSTER_MYSQL_PASSWORD_FILE"]).read_text().strip()
    with (
        connect(
            host=host,
            port=int(os.environ.get("DAGSTER_MYSQL_PORT", "3306")),
            user="dagster",
            password=password.encode(),
            database="dagster",
            connect_timeout=SECONDS,
            **make_tls_arguments(host),
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "SELECT COUNT(DISTINCT daemon_type) FROM daemon_heartbeats WHERE daemon_type IN %s"
            " AND timestamp > UTC_TIMESTAMP() - INTERVAL %s SECOND",
            (DAEMONS, MAX_HEARTBEAT_AGE_SECONDS),
        )
        return cursor.fetchone() == (len(DAEMONS),)


def is_worker_healthy(queue: str) -> bool:
    from pymysql import connect

    text = os.environ.get("CRYPTO_WAREHOUSE_URL")
    if not text:
        text = Path(os.environ["CRYPTO_WAREHOUSE_URL_FILE"]).read_text().strip()
    url = urlsplit(text)
    host = url.hostname or "127.0.0.1"
    with (
        connect(
            host=host,
            port=url.port or 3306,
            user=unquote(url.username or ""),
            password=unquote(url.password or "").encode(),
            database=url.path.strip("/"),
            connect_timeout=SECONDS,
            **make_tls_arguments(host, "CRYPTO_WAREHOUSE_OPTIONS"),
        ) as connection,
        connection.cursor() as cursor,
    ):
        since = (time.time() - MAX_WORKER_AGE_SECONDS) * 1000
        cursor.execute(
            "SELECT COUNT(*) FROM app_settings WHERE name = %s AND changed_at > %s",
            (f"state.worker.{queue}@{socket.gethostname()}"[:100], since),
        )
        return cursor.fetchone() == (1,)


def make_tls_arguments(host: str, variable: str = "DAGSTER_MYSQL_OPTIONS") -> dict[str, Any]:
    options = os.environ.get(variable, "")
    if not options:
        return {}
    from crypto_assets.warehouse.engine.mysql_options import make_option_arguments

    return make_option_arguments(options, host, variable)


def main(url: str) -> int:
    if url == "daemon":
        return 0 if is_daemon_healthy() else 1
    parts = urlsplit(url)
    if parts.scheme == "worker":
        return 0 if is_worker_healthy(parts.path) else 1
    if parts.scheme == "grpc":
        return 0 if is_code_server_healthy(parts.netloc) else 1
    return 0 if is_web_server_healthy(url) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
