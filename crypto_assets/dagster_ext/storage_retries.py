"""Lets the storage of a run wait for Dagster's database, instead of failing the run.

A failure to record an event fails a step, and Dagster does not retry a run whose step has failed
(`retry_on_asset_or_op_failure: false`). Other processes do not wait: Dagster's daemon and code
server repeat their work anyway, and its webserver should respond.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_delay,
    wait_random_exponential,
)

from crypto_assets.warehouse.engine.error_translation import means_storage_unavailable

T = TypeVar("T")

# Longer than a restart or a failover of a database takes.
_TIMEOUT_SECONDS = 300.0
_INITIAL_DELAY, _MAX_DELAY = 0.5, 4.0

_log = logging.getLogger(__name__)


class _ProcessTimeout:
    """How long the storage of this process waits for the database; not at all by default."""

    seconds = 0.0


def wait_for_storage() -> None:
    """Let the storage of this process, which executes a run, wait minutes for its database."""
    _ProcessTimeout.seconds = _TIMEOUT_SECONDS


class RetryingConnections:
    """Part of a MySQL storage of Dagster: waits while no connection can be opened."""

    def connect(self, *arguments: Any) -> AbstractContextManager[Any]:
        """Open a connection and begin a transaction."""
        return _open_connection(lambda: super(RetryingConnections, self).connect(*arguments))  # type: ignore[misc]

    def _connect(self) -> AbstractContextManager[Any]:
        return _open_connection(super()._connect)  # type: ignore[misc]


class RetryingEventLog(RetryingConnections):
    """Also repeats the recording of an event whose connection is lost: the event may be doubled."""

    def store_event(self, event: Any) -> None:
        """Record an event of a run."""
        _repeat_call(lambda: super(RetryingEventLog, self).store_event(event))  # type: ignore[misc]


@contextmanager
def _open_connection(open_once: Callable[[], AbstractContextManager[Any]]) -> Iterator[Any]:
    with ExitStack() as stack:
        yield _repeat_call(lambda: stack.enter_context(open_once()))


def _repeat_call(call: Callable[[], T]) -> T:
    """Return what `call` returns; repeat it while the database does not respond."""
    result: T = Retrying(
        retry=retry_if_exception(means_storage_unavailable),
        stop=stop_after_delay(_ProcessTimeout.seconds),
        wait=wait_random_exponential(multiplier=_INITIAL_DELAY, max=_MAX_DELAY),
        before_sleep=_report_first,
        reraise=True,
    )(call)
    return result


def _report_first(attempt: RetryCallState) -> None:
    if attempt.attempt_number == 1:
        _log.warning("waiting for Dagster's database, up to %.0f s", _ProcessTimeout.seconds)
