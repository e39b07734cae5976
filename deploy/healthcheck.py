"""Exits 0 if a service is healthy: `healthcheck.py http://host:port/path` or `grpc://host:port`."""

import sys
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

SECONDS = 8


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


def main(url: str) -> int:
    parts = urlsplit(url)
    if parts.scheme == "grpc":
        return 0 if is_code_server_healthy(parts.netloc) else 1
    return 0 if is_web_server_healthy(url) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
