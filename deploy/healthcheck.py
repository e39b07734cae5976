"""Exits 0 where a service answers: `healthcheck.py http://host:port/path` or `grpc://host:port`."""

import sys
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

SECONDS = 8


def web_answers(url: str) -> bool:
    # The service is this container's own: no proxy of the environment stands before it.
    with build_opener(ProxyHandler({})).open(url, timeout=SECONDS) as answer:
        return bool(answer.status == 200)


def code_server_answers(address: str) -> bool:
    # Only the wire's own packages: loading Dagster would cost seconds at each check.
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
    answers = code_server_answers(parts.netloc) if parts.scheme == "grpc" else web_answers(url)
    return 0 if answers else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
