"""What a collector of OpenTelemetry and a server of Sentry receive."""

import gzip
import json
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from crypto_assets_tests.services.scripted import ScriptedServer


@dataclass(frozen=True)
class Span:
    """A received span; `library` is what created it."""

    library: str
    name: str
    trace: bytes
    id: bytes
    parent: bytes
    attributes: dict[str, Any]
    is_error: bool


def read_spans(server: ScriptedServer) -> list[Span]:
    """Decode the spans that a collector has received."""
    return [
        Span(
            scope.scope.name.rpartition(".")[2],
            span.name,
            span.trace_id,
            span.span_id,
            span.parent_span_id,
            {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes},
            span.status.code == 2,
        )
        for request in server.requests
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def read_events(server: ScriptedServer) -> list[dict[str, Any]]:
    """Decode the errors that a server of Sentry has received."""
    events = []
    for body in read_bodies(server):
        lines = body.decode().splitlines()
        for header, payload in zip(lines[1::2], lines[2::2], strict=False):
            if json.loads(header)["type"] == "event":
                events.append(json.loads(payload))
    return events


def read_bodies(server: ScriptedServer) -> list[bytes]:
    """Return the bodies of all requests, unpacked."""
    return [
        gzip.decompress(one.body) if one.body.startswith(b"\x1f\x8b") else one.body
        for one in server.requests
    ]


def read_everything(server: ScriptedServer) -> str:
    """Return all that a server has received: addresses, headers and bodies."""
    heads = (f"{one.path} {one.query} {dict(one.headers)}" for one in server.requests)
    bodies = (body.decode(errors="replace") for body in read_bodies(server))
    return "\n".join([*heads, *bodies])
