"""A failure that Dagster's daemon has read too early is read again, by the daemon's own code."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import dagster as dg
import pytest
from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon

from crypto_assets.dagster_ext.lost_retries import request_lost_retries
from crypto_assets_tests.services.dagster_home import new_instance

# Dagster logs so that it has no cursor yet.
pytestmark = pytest.mark.filterwarnings("ignore:The 'warn' method is deprecated")
MAX_RETRIES = {"run_retries": {"enabled": True, "max_retries": 2}}
GRACE_SECONDS = 60


class Consumer(EventLogConsumerDaemon):
    """Dagster's daemon for retries, which notes the runs that it would retry."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[str] = []

    @property
    def handle_updated_runs_fns(self):  # type: ignore[no-untyped-def]
        return [self._note]

    def _note(self, _context, records, _logger):  # type: ignore[no-untyped-def]
        self.noted += [
            record.dagster_run.run_id
            for record in records
            if record.dagster_run.status is dg.DagsterRunStatus.FAILURE
        ]
        yield

    def look(self, instance: dg.DagsterInstance) -> list[str]:
        """Run one iteration, and return the failed runs that it has read."""

        class Context:
            def __init__(self) -> None:
                self.instance = instance

        self.noted = []
        list(self.run_iteration(cast(IWorkspaceProcessContext, Context())))
        return self.noted


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with new_instance(tmp_path, MAX_RETRIES) as instance:
        yield instance


@dg.job
def ingest() -> None: ...


def start_run(instance: dg.DagsterInstance) -> dg.DagsterRun:
    return instance.create_run_for_job(ingest, status=dg.DagsterRunStatus.STARTED)


def fail_late(instance: dg.DagsterInstance, consumer: Consumer) -> dg.DagsterRun:
    """Fail a run whose failure the daemon reads before its status is stored."""
    run = start_run(instance)
    storage = instance.run_storage
    handle = storage.handle_run_event

    def read_before(run_id: str, event: dg.DagsterEvent, *more: object) -> None:
        assert consumer.look(instance) == []
        handle(run_id, event, *more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "handle_run_event", read_before)
        instance.report_run_failed(run, "killed")
    return run


def test_a_retry_that_the_daemon_missed_is_requested_a_few_times(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    consumer = Consumer()
    consumer.look(instance)
    other = start_run(instance)
    instance.report_run_failed(other, "killed")
    assert consumer.look(instance) == [other.run_id]
    instance.add_run_tags(other.run_id, {"dagster/auto_retry_run_id": "retried"})
    lost = fail_late(instance, consumer)
    found = instance.get_run_by_id(lost.run_id)
    assert found is not None and found.tags["dagster/will_retry"] == "true"
    assert consumer.look(instance) == [], "the daemon has read it, and reads it no more"
    assert request_lost_retries(instance) == [], "the daemon may be about to launch the retry"

    now = time.time() + GRACE_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: now)
    for _ in range(3):
        assert request_lost_retries(instance) == [lost.run_id]
        assert request_lost_retries(instance) == [], "until the daemon has looked"
        assert consumer.look(instance) == [lost.run_id]
    assert request_lost_retries(instance) == [], "it does not want to"
    assert consumer.look(instance) == []


def test_a_retried_and_an_old_failure_are_left_alone(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = Consumer()
    consumer.look(instance)
    retried, old = fail_late(instance, consumer), fail_late(instance, consumer)
    instance.add_run_tags(retried.run_id, {"dagster/auto_retry_run_id": "retried"})
    now = time.time() + GRACE_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: now + 86_400)
    assert request_lost_retries(instance) == []
    monkeypatch.setattr(time, "time", lambda: now)
    assert request_lost_retries(instance) == [old.run_id]
