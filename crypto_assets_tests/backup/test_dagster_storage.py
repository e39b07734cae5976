"""Dagster's storage in a backup: SQLite files and a MySQL database."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from crypto_assets.backup import restore
from crypto_assets.backup.create import create_backup
from crypto_assets.backup.repository import BackupRepository
from crypto_assets.backup.restore import RestoreReport, restore_backup
from crypto_assets.dagster_ext.instance_home import open_instance, prepare_home
from crypto_assets.errors import OrchestratorError, WrongUse
from crypto_assets.installation import find_project_file
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.settings import Settings
from crypto_assets.warehouse.engine import storage_backup
from crypto_assets.warehouse.engine.mysql_connections import open_storage_engine
from crypto_assets.warehouse.engine.storage_backup import (
    DefinedTable,
    read_storage_tables,
    restore_storage_table,
)
from crypto_assets_tests.backup.stores import open_target
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
        yield "mariadb"


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
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The restore is interrupted in each of its files, or before and in each of its tables."""
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
    with monkeypatch.context() as patched:
        report = restore_with_interrupts(target, restored, repository, patched)
    assert report.failed_runs == 1
    after = read_history(restored.dagster_home)
    assert after["runs"].pop(started.run_id) is dg.DagsterRunStatus.FAILURE
    before["runs"].pop(started.run_id)
    assert after == before
    assert after["partitions"] == {"2025-03-06"}
    target.close()


def restore_with_interrupts(
    target: PipelineContext,
    settings: Settings,
    repository: BackupRepository,
    monkeypatch: pytest.MonkeyPatch,
) -> RestoreReport:
    """Restore, with an interrupt at each file and table that no attempt has reached before."""
    reached = set[str]()

    def interrupt_once(owner: Any, name: str, describe: Callable[..., str]) -> None:
        original = getattr(owner, name)

        def interrupt(*arguments: Any) -> Any:
            place = describe(*arguments)
            if place not in reached:
                reached.add(place)
                raise KeyboardInterrupt
            return original(*arguments)

        monkeypatch.setattr(owner, name, interrupt)

    interrupt_once(BackupRepository, "copy_to", lambda _, stored, path: f"{path}")
    interrupt_once(restore, "restore_storage_table", lambda _url, _options, name, *_: name)
    interrupt_once(
        storage_backup, "insert_rows", lambda _, table, rows: f"{table.name} {rows.num_rows}"
    )
    while True:
        before = len(reached)
        try:
            report = restore_backup(target, settings, repository, None)
        except KeyboardInterrupt:
            assert len(reached) == before + 1
        else:
            assert len(reached) > 3
            return report


@pytest.mark.parametrize("home_kind", ["mariadb"], indirect=True)
def test_a_restore_continues_into_the_same_database_only(
    home_kind: str,
    server: ExchangeServer,
    build_platform: BuildPlatform,
    mariadb: DatabaseServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The tables of another one may be those of a running Dagster."""
    source = build_platform(server)
    settings = make_settings(tmp_path / "source", home_kind)
    with open_instance(settings.dagster_home) as instance:
        instance.add_dynamic_partitions("symbols", ["BTCUSDT"])
    repository = BackupRepository(tmp_path / "backups")
    create_backup(source, settings, repository)
    # An empty home gets the backup's dagster.yaml, and so the same database.
    target = open_target(server, tmp_path / "stores")
    empty = Settings(home=tmp_path / "empty", dagster_home=tmp_path / "empty" / "dagster")
    with pytest.raises(WrongUse, match="Dagster's database contains tables"):
        restore_backup(target, empty, repository, None)
    assert not Path(target.raw_lake.url).exists()
    config = settings.dagster_home / "dagster.yaml"
    own = config.read_text()
    config.write_text(own.replace("db_name: dagster", "db_name: other"))
    mariadb.execute("CREATE DATABASE other", "GRANT ALL ON other.* TO dagster@'127.0.0.1'")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(restore, "restore_storage_table", interrupt)
        restore_backup(target, settings, repository, None)
    config.write_text(own)
    with pytest.raises(WrongUse, match=r"Dagster's database other on .*, not dagster on"):
        restore_backup(target, settings, repository, None)
    assert read_history(settings.dagster_home)["symbols"] == ["BTCUSDT"]
    mariadb.execute("DROP DATABASE other")
    target.close()


def test_the_session_of_a_backup_is_not_one_of_dagster(mariadb: DatabaseServer) -> None:
    """Its settings of time zone and foreign keys end with it, also after an error."""
    url = mariadb.fresh()
    mariadb.execute("CREATE TABLE runs (id INT PRIMARY KEY)", database=url.rpartition("/")[2])
    statement = "SELECT @@time_zone, @@foreign_key_checks"

    def read_settings() -> tuple[Any, ...]:
        with open_storage_engine(url, "", "DAGSTER_MYSQL_OPTIONS").connect() as connection:
            return tuple(connection.exec_driver_sql(statement).one())

    def read_names(tables: Iterator[DefinedTable]) -> list[str]:
        assert read_settings()  # another connection, beside this one
        return [name for name, _, parts in tables for _ in [list(parts)]]

    before = read_settings()
    assert read_storage_tables(url, "", read_names) == ["runs"]
    assert {read_settings() for _ in range(3)} == {before}
    with pytest.raises(OrchestratorError, match="Dagster's database"):
        restore_storage_table(url, "", "runs", "CREATE TABLE `runs` (no)", iter(()))
    assert {read_settings() for _ in range(3)} == {before}


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


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
