"""Exits 0 if a service is healthy: `healthcheck.py ADDRESS`.

ADDRESS is `http://host:port/path`, `grpc://host:port` of a code server, or `daemon` for Dagster's
daemon, whose heartbeats are in its database.
"""

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

SECONDS = 8
# The daemons that launch runs. Each of them writes a heartbeat twice a minute.
DAEMONS = ("BACKFILL", "QUEUED_RUN_COORDINATOR", "SCHEDULER", "SENSOR")
MAX_HEARTBEAT_AGE_SECONDS = 300


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


def make_tls_arguments(host: str) -> dict[str, Any]:
    options = os.environ.get("DAGSTER_MYSQL_OPTIONS", "")
    if not options:
        return {}
    from crypto_assets.warehouse.engine.mysql_options import make_option_arguments

    return make_option_arguments(options, host, "DAGSTER_MYSQL_OPTIONS")


def main(url: str) -> int:
    if url == "daemon":
        return 0 if is_daemon_healthy() else 1
    parts = urlsplit(url)
    if parts.scheme == "grpc":
        return 0 if is_code_server_healthy(parts.netloc) else 1
    return 0 if is_web_server_healthy(url) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
