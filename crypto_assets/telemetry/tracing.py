"""Traces by OpenTelemetry, sent by OTLP over HTTP, if OTEL_EXPORTER_OTLP_ENDPOINT is set.

The official instrumentations add the spans of statements, S3 calls and requests, and FastAPI itself
those of the API; here are those of runs and steps. A run's id, job and partition are attributes of
all spans of its process. The other variables OTEL_* apply as the SDK documents them.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from crypto_assets.addresses import is_web_address, redact_address
from crypto_assets.errors import WrongUse
from crypto_assets.installation import VERSION
from crypto_assets.logs import get_log_fields
from crypto_assets.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
# Unless a variable sets another one: a collector that is down delays the end of a run.
_TIMEOUT_SECONDS = 2.0
_FLUSH_MS = 2_000
_NAME = "crypto_assets"
_STEP_ENDS = {"STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED", "STEP_UP_FOR_RETRY"}
# By process, since a worker forks processes that execute runs.
_providers: dict[int, "TracerProvider"] = {}

Event = TypeVar("Event")


def start_tracing(settings: Settings, process: str) -> None:
    """Trace this process, once, if the settings say so.

    Raises WrongUse for an invalid address, or if a package is missing.
    """
    if not settings.otel_endpoint or os.getpid() in _providers:
        return
    if not is_web_address(settings.otel_endpoint):
        shown = redact_address(settings.otel_endpoint)
        raise WrongUse(
            f"{_VARIABLE} {shown!r} is not an address: it begins with https:// or http://"
        )
    try:
        _providers[os.getpid()] = _build_provider(settings, process)
    except ModuleNotFoundError as error:
        raise WrongUse(
            f"{_VARIABLE} is set, but the package {error.name} is missing: "
            "pip install 'crypto-assets[otel]', or unset it"
        ) from None


def trace_steps(run: str, events: Iterable[Event]) -> Iterator[Event]:
    """Yield the events of a run within a span, and those of each step within one of its own.

    At its end, the spans are sent, since the process may end without notice.
    """
    provider = _providers.get(os.getpid())
    if provider is None:
        yield from events
        return
    tracer = provider.get_tracer(_NAME, VERSION)
    with ExitStack() as in_run:
        in_run.callback(provider.force_flush, _FLUSH_MS)
        in_run.enter_context(tracer.start_as_current_span(f"run {run}"))
        in_step = in_run.enter_context(ExitStack())
        for event in events:
            kind = getattr(event, "event_type_value", "")
            if kind == "STEP_START":
                step = getattr(event, "step_key", "")
                in_step.enter_context(tracer.start_as_current_span(f"step {step}"))
            elif kind in _STEP_ENDS:
                if kind == "STEP_FAILURE":
                    _mark_failed()
                in_step.close()
            yield event


def _mark_failed() -> None:
    from opentelemetry import trace

    trace.get_current_span().set_status(trace.StatusCode.ERROR)


def _build_provider(settings: Settings, process: str) -> "TracerProvider":
    """Create what sends spans, and let the libraries create them."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
    from opentelemetry.instrumentation.requests import RequestsInstrumentor
    from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
    from opentelemetry.instrumentation.threading import ThreadingInstrumentor
    from opentelemetry.propagate import set_global_textmap
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from crypto_assets.telemetry.span_filter import FilteredExporter, NoPropagator

    class AddRunFields(SpanProcessor):
        """Adds what the logs say about the run that this process executes."""

        def on_start(self, span: Any, parent_context: Any = None) -> None:
            fields = {"process": process, **get_log_fields()}
            span.set_attributes({f"crypto_assets.{name}": str(v) for name, v in fields.items()})

    given = OTELResourceDetector().detect()
    described = Resource.create({"service.name": "crypto-assets", "service.version": VERSION})
    provider = TracerProvider(resource=described.merge(given))
    endpoint = f"{settings.otel_endpoint.rstrip('/')}/v1/traces"
    exporter = OTLPSpanExporter(endpoint, timeout=_find_timeout())
    hosts = (_find_host(url) for url in (settings.exchange_url, settings.archive_url))
    provider.add_span_processor(AddRunFields())
    provider.add_span_processor(BatchSpanProcessor(FilteredExporter(exporter, hosts)))
    trace.set_tracer_provider(provider)
    set_global_textmap(NoPropagator())
    # It asks for SQLAlchemy below 2.1, where all that it uses is the same; a test shows it.
    SQLAlchemyInstrumentor().instrument(tracer_provider=provider, skip_dep_check=True)
    RequestsInstrumentor().instrument(tracer_provider=provider)
    ThreadingInstrumentor().instrument(tracer_provider=provider)
    calls = BotocoreInstrumentor()  # type: ignore[no-untyped-call]
    calls.instrument(tracer_provider=provider, propagator=NoPropagator())
    return provider


def _find_timeout(variables: Mapping[str, str] = os.environ) -> float | None:
    """Return our timeout; None if a variable sets another one."""
    names = ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT")
    return None if any(map(variables.get, names)) else _TIMEOUT_SECONDS


def _find_host(url: str) -> str:
    """Return host and port; "" for a malformed address, which its client reports."""
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    except ValueError:
        return ""
