"""What a worker does beside its runs: its heartbeat, and the killed runs of its host."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from crypto_assets.dagster_ext import worker
from crypto_assets.dagster_ext.instance_home import open_instance, prepare_home
from crypto_assets.dagster_ext.run_liveness import RUN_OWNER_TAG, RunOwner
from crypto_assets.dagster_ext.worker import HostHeart, run_worker
from crypto_assets.market.utc_time import now_ms
from crypto_assets.settings import Settings
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog.worker_heartbeats import WorkerHeartbeat
from crypto_assets.wiring import open_heartbeat_warehouse
from crypto_assets_tests.project.repository import ROOT
from crypto_assets_tests.services.dagster_tree import wait_for
from crypto_assets_tests.services.mariadb import DatabaseServer

SELF = WorkerHeartbeat("w1", "ticks", 4, "0.1.0", started_at=now_ms(), beat_at=0)


@dg.job
def work() -> None: ...


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    prepare_home(tmp_path / "dagster")
    return Settings(home=tmp_path, warehouse_url=SecretStr(""), warehouse_read_url=SecretStr(""))


@pytest.fixture
def warehouse(settings: Settings) -> Iterator[Warehouse]:
    with closing(open_heartbeat_warehouse(settings)) as opened:
        opened.migrate_schema()
        yield opened


def beats(warehouse: Warehouse) -> list[int]:
    return [one.beat_at for one in warehouse.worker_heartbeats.list_heartbeats()]


def test_a_worker_beats_until_it_stops(
    settings: Settings, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_HEARTBEAT_SECONDS", 0.05)
    with HostHeart(settings, SELF).beating():
        (first,) = beats(warehouse)
        assert first >= SELF.started_at
        wait_for(lambda: beats(warehouse)[0] > first, 10)
    assert beats(warehouse) == []


def test_a_worker_that_ends_in_an_error_leaves_its_heartbeat(
    settings: Settings, warehouse: Warehouse
) -> None:
    """Its host may have runs that it did not wait for."""
    with pytest.raises(SystemError), HostHeart(settings, SELF).beating():
        raise SystemError
    assert len(beats(warehouse)) == 1


def test_a_worker_fails_the_killed_runs_of_its_host_when_it_starts(
    settings: Settings, warehouse: Warehouse
) -> None:
    owner = replace(RunOwner.current_process(), boot="an earlier boot")
    with open_instance(settings.dagster_home) as instance:
        run = instance.create_run_for_job(work, status=dg.DagsterRunStatus.STARTED)
        tag = json.dumps({"run": run.run_id, **asdict(owner)})
        instance.add_run_tags(run.run_id, {RUN_OWNER_TAG: tag})
        with HostHeart(settings, SELF).beating():
            failed = instance.get_run_by_id(run.run_id)
    assert failed and failed.status is dg.DagsterRunStatus.FAILURE


def test_a_worker_starts_while_the_warehouse_does_not_respond(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    away = settings.model_copy(
        update={"warehouse_url": SecretStr("mysql+pymysql://root@127.0.0.1:1/none")}
    )
    with caplog.at_level(logging.WARNING), HostHeart(away, SELF).beating():
        assert "no heartbeat: the warehouse at 127.0.0.1:1" in caplog.text
    assert "remains in the warehouse" in caplog.text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_whose_heartbeat_ends_drains(
    settings: Settings, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *sent: signals.append(sent))
    monkeypatch.setattr(worker, "_HEARTBEAT_SECONDS", 0.05)
    heart = HostHeart(settings, SELF)
    with heart.beating():
        monkeypatch.setattr(worker, "now_ms", lambda: 1 / 0)
        wait_for(lambda: signals, 10)
    assert signals == [(os.getpid(), signal.SIGTERM)]


def test_a_container_is_healthy_while_its_worker_is_heard(
    mariadb: DatabaseServer, tmp_path: Path
) -> None:
    url = mariadb.fresh()
    (tmp_path / "url").write_text(url + "\n")

    def is_healthy(queue: str) -> bool:
        command = [sys.executable, str(ROOT / "deploy/healthcheck.py"), f"worker:{queue}"]
        settings = {"CRYPTO_WAREHOUSE_URL_FILE": str(tmp_path / "url")}
        return subprocess.run(command, env=settings, capture_output=True).returncode == 0

    with closing(Warehouse(url)) as warehouse:
        warehouse.migrate_schema()
        here = replace(SELF, host=socket.gethostname())
        assert not is_healthy("ticks")
        warehouse.worker_heartbeats.record_heartbeat(here)
        assert is_healthy("ticks")
        assert not is_healthy("backfills")
        mariadb.execute(
            "UPDATE app_settings SET changed_at = changed_at - 121000",
            database=url.rpartition("/")[2],
        )
        assert not is_healthy("ticks")


def test_without_a_broker_one_line_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRYPTO_BROKER_URL", raising=False)
    ended = CliRunner().invoke(run_worker, ["--queue", "ticks"])
    assert str(ended.exception) == (
        "crypto-assets worker: workers take their runs from Redis: "
        "set CRYPTO_BROKER_URL=redis://HOST:6379/0"
    )
