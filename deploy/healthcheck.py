"""Exits 0 where a service answers: `healthcheck.py http://host:port/path` or `grpc://host:port`."""

import sys
from urllib.parse import urlsplit
from urllib.request import urlopen

SECONDS = 8


def web_answers(url: str) -> bool:
    with urlopen(url, timeout=SECONDS) as answer:  # noqa: S310  # the compose file's own address
        return bool(answer.status == 200)


def code_server_answers(address: str) -> bool:
    # Only the wire's own packages: loading Dagster would cost seconds at each check.
    import grpc
    from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
    from grpc_health.v1.health_pb2_grpc import HealthStub

    with grpc.insecure_channel(address) as channel:
        request = HealthCheckRequest(service="DagsterApi")
        answer = HealthStub(channel).Check(request, timeout=SECONDS)
    return bool(answer.status == HealthCheckResponse.SERVING)


def main(url: str) -> int:
    parts = urlsplit(url)
    answers = code_server_answers(parts.netloc) if parts.scheme == "grpc" else web_answers(url)
    return 0 if answers else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
