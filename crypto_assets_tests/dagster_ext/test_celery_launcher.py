"""The launcher of runs on workers, with a real Redis and no worker."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import LaunchRunContext
from pydantic import SecretStr
from redis import Redis

from crypto_assets.dagster_ext import celery_launcher
from crypto_assets.dagster_ext.celery_app import WorkerQueue, build_app_arguments
from crypto_assets.dagster_ext.celery_launcher import WorkerLauncher
from crypto_assets.errors import WrongUse
from crypto_assets.orchestrator.run_queue import RunClass, build_run_tags
from crypto_assets.settings import Settings
from crypto_assets_tests.services.dagster_home import new_instance
from crypto_assets_tests.services.redis import RedisServer, run_redis

QUEUE_TAG, TASK_TAG = "dagster-celery/queue", "dagster-celery/task_id"


@dg.job
def work() -> None: ...


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with run_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def instance(
    redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    settings = Settings(broker_url=SecretStr(redis.url))
    monkeypatch.setattr(celery_launcher, "get_settings", lambda: settings)
    launcher = {"module": celery_launcher.__name__, "class": WorkerLauncher.__name__}
    with new_instance(tmp_path, {"run_launcher": launcher}) as instance:
        yield instance


def launch(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> dg.DagsterRun:
    """Launch a run as the daemon does, and return it as it is stored then."""
    origin = dg.reconstructable(work).get_python_origin()
    run = instance.create_run_for_job(
        work, tags=tags, status=dg.DagsterRunStatus.STARTING, job_code_origin=origin
    )
    instance.run_launcher.launch_run(LaunchRunContext(run, None))
    stored = instance.get_run_by_id(run.run_id)
    assert stored
    return stored


def list_waiting(redis: RedisServer, queue: str) -> list[str]:
    """Return the ids of the tasks in a queue, oldest first."""
    with Redis(port=redis.port) as client:
        messages = client.lrange(queue, 0, -1)
    return [json.loads(message)["headers"]["id"] for message in reversed(messages)]


@pytest.mark.parametrize(
    ("run_class", "queue"),
    [
        (RunClass.TICK, WorkerQueue.TICKS),
        (RunClass.CLOSE_DAY, WorkerQueue.TICKS),
        (RunClass.MANUAL, WorkerQueue.TICKS),
        (RunClass.REPAIR, WorkerQueue.BACKFILLS),
        (RunClass.MAINTENANCE, WorkerQueue.BACKFILLS),
        (RunClass.BACKFILL, WorkerQueue.BACKFILLS),
    ],
)
def test_each_run_class_has_its_queue(
    instance: dg.DagsterInstance, redis: RedisServer, run_class: RunClass, queue: WorkerQueue
) -> None:
    run = launch(instance, build_run_tags(run_class))
    assert run.tags[QUEUE_TAG] == queue
    assert list_waiting(redis, queue)[-1] == run.tags[TASK_TAG]


def test_the_tag_of_a_run_chooses_its_queue(
    instance: dg.DagsterInstance, redis: RedisServer
) -> None:
    run = launch(instance, {**build_run_tags(RunClass.BACKFILL), QUEUE_TAG: "ticks"})
    assert list_waiting(redis, "ticks")[-1] == run.tags[TASK_TAG]


def test_queued_runs_outlive_a_kill_of_redis_and_further_ones_wait_for_it(
    instance: dg.DagsterInstance, redis: RedisServer
) -> None:
    launch(instance, build_run_tags(RunClass.TICK))
    waiting = list_waiting(redis, "ticks")
    redis.kill()
    # Dagster's run queue then launches the run again, several times.
    with pytest.raises(DagsterUserCodeUnreachableError, match="the broker does not respond"):
        launch(instance, build_run_tags(RunClass.TICK))
    redis.start()
    assert list_waiting(redis, "ticks") == waiting
    launch(instance, build_run_tags(RunClass.TICK))
    assert len(list_waiting(redis, "ticks")) == len(waiting) + 1


def test_a_canceled_run_that_no_worker_has_is_canceling(instance: dg.DagsterInstance) -> None:
    run = launch(instance, build_run_tags(RunClass.TICK))
    assert instance.run_launcher.terminate(run.run_id)
    canceling = instance.get_run_by_id(run.run_id)
    assert canceling and canceling.status is dg.DagsterRunStatus.CANCELING
    instance.report_run_canceled(canceling)
    assert not instance.run_launcher.terminate(run.run_id)
    assert not instance.run_launcher.terminate("no run")


@pytest.mark.parametrize("url", ["", "amqp://guest@rabbit//", "redis:6379"])
def test_a_missing_or_foreign_broker_is_reported_in_words(url: str) -> None:
    with pytest.raises(WrongUse, match=re.escape("set CRYPTO_BROKER_URL=redis://HOST:6379/0")):
        build_app_arguments(Settings(broker_url=SecretStr(url)))
