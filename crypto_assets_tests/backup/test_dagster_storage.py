"""Dagster's storage in a backup: SQLite files and a MySQL database."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from crypto_assets.backup.create import create_backup
from crypto_assets.backup.repository import BackupRepository
from crypto_assets.backup.restore import restore_backup
from crypto_assets.dagster_ext.instance_home import open_instance, prepare_home
from crypto_assets.errors import WrongUse
from crypto_assets.installation import find_project_file
from crypto_assets.settings import Settings, get_settings
from crypto_assets_tests.backup.test_backup import open_target
from crypto_assets_tests.pipeline.conftest import BuildPlatform, build_platform
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange
from crypto_assets_tests.services.mariadb import DatabaseServer, create_dagster_database

__all__ = ["build_platform"]


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["2025-03-06", "2025-03-07"]))
def candles() -> None:
    pass


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    """A simulated exchange whose clock shows noon."""
    return simulated_exchange(now=NOON)


@pytest.fixture(params=["sqlite", "mariadb"])
def home_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "sqlite":
        yield "sqlite"
        return
    database: DatabaseServer = request.getfixturevalue("mariadb")
    with create_dagster_database(database) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        get_settings.cache_clear()
        yield "mariadb"
        monkeypatch.undo()
        get_settings.cache_clear()


def make_settings(home: Path, kind: str) -> Settings:
    """Settings of an empty home, in which Dagster stores its runs in files or on the server."""
    folder = home / "dagster"
    folder.mkdir(parents=True)
    if kind == "mariadb":
        config = find_project_file("deploy/dagster.yaml").read_text()
        start = config.index("storage:")
        (folder / "dagster.yaml").write_text(config[start : config.index("compute_logs:")])
    else:
        prepare_home(folder)
    return Settings(home=home, dagster_home=folder)


def read_history(home: Path) -> dict[str, Any]:
    with open_instance(home) as instance:
        asset = dg.AssetKey("candles")
        return {
            "partitions": instance.get_materialized_partitions(asset),
            "runs": {run.run_id: run.status for run in instance.get_runs()},
            "symbols": instance.get_dynamic_partitions("symbols"),
            "events": [
                (record.storage_id, record.run_id, record.event_log_entry.message)
                for record in instance.fetch_materializations(asset, limit=10).records
            ],
        }


def test_dagsters_history_is_restored_and_its_unfinished_runs_fail(
    home_kind: str,
    server: ExchangeServer,
    build_platform: BuildPlatform,
    mariadb: DatabaseServer,
    tmp_path: Path,
) -> None:
    source = build_platform(server)
    settings = make_settings(tmp_path / "source", home_kind)
    with open_instance(settings.dagster_home) as instance:
        instance.add_dynamic_partitions("symbols", ["BTCUSDT", "币安人生USDT"])
        dg.materialize([candles], instance=instance, partition_key="2025-03-06")
        started = dg.DagsterRun(job_name="ingest", status=dg.DagsterRunStatus.STARTED)
        instance.run_storage.add_run(started)
    before = read_history(settings.dagster_home)
    repository = BackupRepository(tmp_path / "backups")
    create_backup(source, settings, repository)
    restored = make_settings(tmp_path / "restored", home_kind)
    target = open_target(server, tmp_path / "stores")
    if home_kind == "mariadb":
        with pytest.raises(WrongUse, match="Dagster's database contains tables"):
            restore_backup(target, restored, repository, None)
        mariadb.execute("DROP DATABASE dagster", "CREATE DATABASE dagster COLLATE utf8mb4_bin")
    report = restore_backup(target, restored, repository, None)
    assert report.failed_runs == 1
    after = read_history(restored.dagster_home)
    assert after["runs"].pop(started.run_id) is dg.DagsterRunStatus.FAILURE
    before["runs"].pop(started.run_id)
    assert after == before
    assert after["partitions"] == {"2025-03-06"}
    target.close()


def test_a_home_with_runs_or_of_another_kind_is_refused(
    server: ExchangeServer,
    build_platform: BuildPlatform,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = build_platform(server)
    settings = make_settings(tmp_path / "source", "sqlite")
    with open_instance(settings.dagster_home) as instance:
        instance.add_dynamic_partitions("symbols", ["BTCUSDT"])
    repository = BackupRepository(tmp_path / "backups")
    create_backup(source, settings, repository)
    target = open_target(server, tmp_path / "stores")
    with pytest.raises(WrongUse, match="contains runs"):
        restore_backup(target, settings, repository, None)
    monkeypatch.setitem(os.environ, "DAGSTER_MYSQL_HOST", "127.0.0.1")
    monkeypatch.setitem(os.environ, "DAGSTER_MYSQL_PORT", "9")
    on_server = make_settings(tmp_path / "server", "mariadb")
    with pytest.raises(WrongUse, match=r"of SQLite, and .* is set up for MySQL"):
        restore_backup(target, on_server, repository, None)
    assert target.warehouse.table_backup.find_unfinished_restore() is None
    target.close()
