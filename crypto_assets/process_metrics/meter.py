"""What this process measures. Safe for many threads."""

import os
import platform
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from crypto_assets.installation import VERSION

PREFIX = "crypto_assets_"
# In seconds. A load of a month takes seconds, a statement with a key less than a millisecond.
_BUCKETS = (0.001, 0.005, 0.02, 0.1, 0.5, 2, 10)


class ProcessMeter:
    """Counters and histograms, which begin at zero; `started_ms` is when, in epoch ms."""

    def __init__(self) -> None:
        self.started_ms = time.time_ns() // 1_000_000
        self.registry = CollectorRegistry()
        ProcessCollector(namespace=PREFIX.rstrip("_"), registry=self.registry)
        info = self._gauge("process_info", "The versions of a process.", "version", "python")
        info.labels(VERSION, platform.python_version()).set(1)
        self._database_seconds = self._histogram(
            "database_seconds", "Duration of a statement in the warehouse.", "statement"
        )
        self._database_errors = self._counter(
            "database_errors", "Transactions of the warehouse that failed.", "error"
        )
        self._database_retries = self._counter(
            "database_retries", "Transactions of the warehouse that were repeated."
        )
        self._s3_seconds = self._histogram(
            "s3_seconds", "From a call to the S3 server to the head of its response.", "operation"
        )
        self._s3_errors = self._counter(
            "s3_errors", "Calls without a response, or with an error.", "operation", "status"
        )
        self._s3_retries = self._counter(
            "s3_retries", "Requests to the S3 server that were repeated.", "operation"
        )

    def observe_statement(self, statement: str, seconds: float) -> None:
        """Add a statement, such as `select`."""
        self._database_seconds.labels(statement).observe(seconds)

    def count_database_error(self, error: str) -> None:
        """Count a failed transaction by the name of its error."""
        self._database_errors.labels(error).inc()

    def count_database_retry(self) -> None:
        """Count a transaction that is repeated."""
        self._database_retries.inc()

    def observe_s3_call(self, operation: str, seconds: float) -> None:
        """Add a call with its retries, such as `PutObject`."""
        self._s3_seconds.labels(operation).observe(seconds)

    def count_s3_error(self, operation: str, status: str) -> None:
        """Count a failed call by its HTTP status, or `none` without a response."""
        self._s3_errors.labels(operation, status).inc()

    def count_s3_retry(self, operation: str) -> None:
        """Count a request that is repeated."""
        self._s3_retries.labels(operation).inc()

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"{PREFIX}{name}", text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(f"{PREFIX}{name}", text, labels, registry=self.registry, buckets=_BUCKETS)


_meter = ProcessMeter()


def get_meter() -> ProcessMeter:
    """Return the meter of this process; a process that a worker forks begins with a new one."""
    return _meter


def _replace_meter() -> None:
    """Forget what the parent has counted, and its locks, which other threads may have locked."""
    global _meter
    _meter = ProcessMeter()


os.register_at_fork(after_in_child=_replace_meter)
