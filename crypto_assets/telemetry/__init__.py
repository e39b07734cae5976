"""What a process reports about itself: figures, and if the settings say so, traces and errors.

    tracing         spans of requests, steps, statements and S3 calls, by OpenTelemetry
    span_filter     what of a span leaves the process
    error_reports   errors, to Sentry

OpenTelemetry and Sentry's SDK are extras of the package. They are neither imported nor required
unless OTEL_EXPORTER_OTLP_ENDPOINT or SENTRY_DSN is set.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from crypto_assets.process_metrics import record_run, start_recording
from crypto_assets.settings import get_settings
from crypto_assets.telemetry.error_reports import flush_errors, report_errors
from crypto_assets.telemetry.tracing import start_tracing, trace_steps

__all__ = ["report_run", "start_telemetry", "trace_steps"]


def start_telemetry(process: str) -> None:
    """Start to report this process, a server, such as "daemon"; traces are of runs and the API.

    Raises WrongUse if the settings are invalid, or a package that they require is missing.
    """
    start_recording(process)
    settings = get_settings()
    report_errors(settings, process)
    if process == "api":
        start_tracing(settings, process)


@contextmanager
def report_run() -> Iterator[None]:
    """Report the run that this process executes within the `with` block. Raises WrongUse."""
    settings = get_settings()
    report_errors(settings, "run")
    start_tracing(settings, "run")
    with record_run():
        try:
            yield
        finally:
            flush_errors()
