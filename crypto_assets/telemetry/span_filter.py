"""What of a span leaves the process: an allow-list, because libraries add what they like.

Addresses lose their query, and all but the exchange's their path: those of webhooks contain tokens.
Messages of errors stay here, since they may contain the values of a statement.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status

_PREFIXES = ("crypto_assets.", "rpc.", "net.", "server.", "cloud.")
_NAMES = {
    *("http.method", "http.request.method", "http.status_code", "http.response.status_code"),
    *("http.scheme", "url.scheme", "http.route", "error.type", "retry_attempts"),
    *("db.system", "db.system.name", "db.name", "db.namespace", "db.operation"),
    *("db.operation.name", "db.statement", "db.query.text"),
}
_ADDRESSES = {"http.url", "url.full"}
_PATHS = {"http.target", "url.path"}
_MAX_STATEMENT = 2_000
# A connection that a pool hands out, mostly without a connect.
_CHECKOUT = "connect"


class NoPropagator(TextMapPropagator):
    """Neither gives the ids of our traces to other servers, nor takes those of clients."""

    def extract(self, carrier: Any, context: Context | None = None, getter: Any = None) -> Context:
        return context or Context()

    def inject(self, carrier: Any, context: Context | None = None, setter: Any = None) -> None:
        pass

    @property
    def fields(self) -> set[str]:
        return set()


class FilteredExporter(SpanExporter):
    """Passes on what may leave the process; `shown_hosts` are those whose paths may."""

    def __init__(self, inner: SpanExporter, shown_hosts: Iterable[str]) -> None:
        self._inner = inner
        self._shown_hosts = frozenset(shown_hosts)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        kept = [span for span in spans if span.name != _CHECKOUT]
        return self._inner.export([self._filter_span(span) for span in kept])

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)

    def _filter_span(self, span: ReadableSpan) -> ReadableSpan:
        return ReadableSpan(
            name=_remove_query(span.name),
            context=span.get_span_context(),
            parent=span.parent,
            resource=span.resource,
            attributes=self._filter_attributes(span.attributes or {}, span.kind),
            events=[_filter_event(event) for event in span.events],
            kind=span.kind,
            status=Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    def _filter_attributes(self, attributes: Mapping[str, Any], kind: SpanKind) -> dict[str, Any]:
        kept = {}
        for name, value in attributes.items():
            if name in _ADDRESSES and kind is SpanKind.CLIENT:
                kept[name] = self._shorten_address(str(value))
            elif name in _PATHS and kind is SpanKind.SERVER:
                kept[name] = _remove_query(str(value))
            elif name in _NAMES or name.startswith(_PREFIXES):
                kept[name] = value[:_MAX_STATEMENT] if isinstance(value, str) else value
        return kept

    def _shorten_address(self, address: str) -> str:
        try:
            parts = urlsplit(address)
            host = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        except ValueError:
            return ""
        path = parts.path if host in self._shown_hosts else ""
        return f"{parts.scheme}://{host}{path}"


def _filter_event(event: Event) -> Event:
    kind = (event.attributes or {}).get("exception.type")
    return Event(event.name, {"exception.type": kind} if kind else {}, event.timestamp)


def _remove_query(text: str) -> str:
    return text.partition("?")[0]
