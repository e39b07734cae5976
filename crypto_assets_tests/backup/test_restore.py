"""A restore that is interrupted, repeated or refused changes nothing that it must not."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import text

from crypto_assets.backup.restore import (
    _describe_stores,
    check_backup,
    restore_backup,
)
from crypto_assets.errors import (
    BackupDamaged,
    ForeignExchange,
    WarehouseNotReady,
    WarehouseTooNew,
    WrongUse,
)
from crypto_assets.lake import open_lake
from crypto_assets.lake.directory_lake import DirectoryLake
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.engine import table_backup
from crypto_assets.warehouse.engine.restore_marker import RestoreMarker
from crypto_assets.warehouse.engine.table_parts import reflect_table
from crypto_assets_tests.backup.stores import (
    back_up,
    is_exact,
    open_target,
    read_lakes,
    read_tables,
    repository_at,
    restore,
    settings_of,
)
from crypto_assets_tests.pipeline.conftest import BuildPlatform
from crypto_assets_tests.services.exchange import ExchangeServer
from crypto_assets_tests.services.mariadb import DatabaseServer


def test_an_interrupted_restore_continues_and_nothing_uses_its_warehouse(
    small_source: PipelineContext,
    target: PipelineContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Interrupted before and after the commit of each part, and once more after the last."""
    back_up(small_source, tmp_path)
    tables = target.warehouse.table_backup
    insert, failed = tables.insert_part, []

    def interrupt(backup: str, number: int, *rest: Any) -> None:
        for moment in ("before", "after"):
            if (number, moment) not in failed:
                if moment == "after":
                    insert(backup, number, *rest)
                failed.append((number, moment))
                raise KeyboardInterrupt
        insert(backup, number, *rest)

    monkeypatch.setattr(tables, "insert_part", interrupt)
    while True:
        try:
            restore(target, tmp_path)
        except KeyboardInterrupt:
            with pytest.raises(WarehouseNotReady, match="has not finished"):
                target.warehouse.require_ready()
            with pytest.raises(WarehouseNotReady, match="run `crypto-assets restore`"):
                target.warehouse.migrate_schema()
        else:
            break
    assert len(failed) > 2 * 10
    assert read_tables(target) == read_tables(small_source)
    with pytest.raises(WrongUse, match="the warehouse contains data"):
        restore(target, tmp_path)


def test_another_backup_cannot_continue_a_restore(
    small_source: PipelineContext, target: PipelineContext, tmp_path: Path
) -> None:
    first = back_up(small_source, tmp_path)
    second = back_up(small_source, tmp_path)
    version = repository_at(tmp_path).read_manifest(first).warehouse.schema_version
    stores = _describe_stores(target, settings_of(target), None)
    target.warehouse.table_backup.begin_restore(RestoreMarker(first, stores=stores), version)
    with pytest.raises(WrongUse, match=f"{first} has not finished"):
        restore(target, tmp_path, second)
    restore(target, tmp_path)
    assert read_tables(target) == read_tables(small_source)


def test_a_restore_continues_with_the_same_stores_only(
    small_source: PipelineContext,
    target: PipelineContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another home, Dagster's home or lake may be in use: nothing in it is changed."""
    name, repository, own = back_up(small_source, tmp_path), repository_at(tmp_path), tmp_path / "o"
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(target.warehouse.table_backup, "insert_part", interrupt)
        restore(target, tmp_path)
    settings = settings_of(target)
    for changes, place in (
        ({"home": own}, f"with the home {settings.home}, not {own}"),
        ({"dagster_home": own}, f"Dagster's home {settings.dagster_home}, not {own}"),
    ):
        with pytest.raises(WrongUse, match=f"the restore of the backup {name} has begun .*{place}"):
            restore_backup(target, settings.model_copy(update=changes), repository, None)
    other = replace(target, raw_lake=open_lake(str(own)))
    with pytest.raises(WrongUse, match=f"the raw lake {target.raw_lake.url}, not {own}"):
        restore_backup(other, settings, repository, None)
    assert not own.exists()
    restore(target, tmp_path)
    assert read_tables(target) == read_tables(small_source)


def interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_a_restore_that_is_interrupted_in_its_lakes_continues(
    small_source: PipelineContext,
    target: PipelineContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each attempt puts one object more than the one before."""
    back_up(small_source, tmp_path)
    put, left, interrupts = DirectoryLake.put, 0, 0

    def put_some(*arguments: Any, **details: Any) -> bool:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return put(*arguments, **details)

    monkeypatch.setattr(DirectoryLake, "put", put_some)
    while True:
        left = interrupts
        try:
            restore(target, tmp_path)
        except KeyboardInterrupt:
            interrupts += 1
            with pytest.raises(WarehouseNotReady, match="has not finished"):
                target.warehouse.require_ready()
        else:
            break
    assert interrupts == len(read_lakes(small_source)) > 2
    assert read_lakes(target) == read_lakes(small_source)
    assert read_tables(target) == read_tables(small_source)


def test_the_second_of_two_restores_at_once_is_refused(
    source: PipelineContext, server: ExchangeServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Whatever it would restore; the first one finishes."""
    other = request.getfixturevalue("mariadb").fresh() if is_exact(source) else ""
    target, second = (open_target(server, tmp_path / "target", other) for _ in range(2))
    back_up(source, tmp_path)
    with (
        target.warehouse.table_backup.hold_restore_lock() as require_lock,
        pytest.raises(WrongUse, match="another restore into this warehouse is running"),
    ):
        require_lock()
        restore(second, tmp_path)
    assert not Path(target.raw_lake.url).exists()
    restore(second, tmp_path)
    assert read_tables(second) == read_tables(source)
    for context in (target, second):
        context.close()


def test_a_lost_lock_ends_a_restore_that_another_has_replaced(
    mariadb: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = mariadb.fresh()
    name = f"{url.rpartition('/')[2]}/restore"
    with (
        Warehouse(url).table_backup.hold_restore_lock() as require_lock,
        mariadb.connect() as connection,
        connection.cursor() as cursor,
    ):
        for _ in range(2):  # free again, and then another's
            require_lock()
            cursor.execute("SELECT IS_USED_LOCK(%s)", (name,))
            (session,) = cursor.fetchone() or (None,)
            cursor.execute(f"KILL {session}")
        cursor.execute("SELECT GET_LOCK(%s, 10)", (name,))
        with pytest.raises(WrongUse, match="another restore"):
            require_lock()


def test_a_part_is_inserted_once_by_two_restores(
    mariadb: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one, whose lock was lost, waits until the first has recorded the part."""
    tables = Warehouse(mariadb.fresh()).table_backup
    tables.begin_restore(RestoreMarker("2026"), "0008")
    both = Barrier(2)

    def reflect_together(*arguments: Any) -> Any:
        with suppress(BrokenBarrierError):
            both.wait(1)
        return reflect_table(*arguments)

    monkeypatch.setattr(table_backup, "reflect_table", reflect_together)
    rows = pa.table({"name": ["lake_days"], "value": ["90"], "changed_at": [1]})
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(tables.insert_part, "2026", 1, "app_settings", rows) for _ in range(2)]
    for call in calls:
        call.result()
    found = tables.find_unfinished_restore()
    assert found is not None and found.parts == 1


def test_a_damaged_object_is_found_before_anything_is_written(
    small_source: PipelineContext, target: PipelineContext, tmp_path: Path
) -> None:
    back_up(small_source, tmp_path)
    repository = repository_at(tmp_path)
    manifest = repository.read_manifest()
    count = check_backup(repository, manifest)
    item = small_source.warehouse.lake_objects.list_latest(1)[0]
    path = repository.directory / "files" / item.sha256[:2] / item.sha256
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    for attempt in (lambda: check_backup(repository, manifest), lambda: restore(target, tmp_path)):
        with pytest.raises(BackupDamaged, match=f"{item.sha256} is damaged"):
            attempt()
    assert not (Path(target.raw_lake.url)).exists()
    assert target.warehouse.table_backup.find_unfinished_restore() is None
    assert count > 10


def test_stores_with_other_data_are_refused(
    server: ExchangeServer,
    small_source: PipelineContext,
    build_platform: BuildPlatform,
    target: PipelineContext,
    tmp_path: Path,
) -> None:
    back_up(small_source, tmp_path)
    used = build_platform(server)
    before = read_tables(used)
    with pytest.raises(WrongUse, match="the warehouse contains data"):
        restore(replace(target, warehouse=used.warehouse), tmp_path)
    assert read_tables(used) == before
    assert not Path(target.raw_lake.url).exists()
    target.archive_lake.create_storage()
    target.archive_lake.claim_for_exchange("another exchange")
    with pytest.raises(ForeignExchange, match="another exchange"):
        restore(target, tmp_path)
    assert target.warehouse.table_backup.find_unfinished_restore() is None
    assert not Path(target.raw_lake.url).exists()
    assert list(Path(target.raw_lake.url).parent.iterdir()) == [Path(target.archive_lake.url)]


def test_a_refused_restore_creates_no_database(
    small_source: PipelineContext,
    server: ExchangeServer,
    mariadb: DatabaseServer,
    tmp_path: Path,
) -> None:
    back_up(small_source, tmp_path)
    target = open_target(server, tmp_path / "target", mariadb.url("not_created"))
    target.archive_lake.create_storage()
    target.archive_lake.claim_for_exchange("another exchange")
    with pytest.raises(ForeignExchange, match="another exchange"):
        restore(target, tmp_path)
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW DATABASES LIKE 'not_created'")
        assert cursor.fetchall() == ()
    assert target.warehouse.find_pending_versions()[0] == "0001"
    target.close()


def test_a_backup_of_an_earlier_version_is_upgraded_and_of_a_later_one_refused(
    small_source: PipelineContext, target: PipelineContext, tmp_path: Path
) -> None:
    database = small_source.warehouse._database
    name = back_up(small_source, tmp_path)
    repository = repository_at(tmp_path)
    path = repository.directory / "snapshots" / f"{name}.json"
    manifest = repository.read_manifest()
    later = manifest.warehouse.model_copy(update={"schema_version": "9999"})
    path.write_text(manifest.model_copy(update={"warehouse": later}).model_dump_json())
    with pytest.raises(WarehouseTooNew, match="9999"):
        restore(target, tmp_path)
    # Before price alerts and the addresses of changes.
    tables = [
        table
        for table in manifest.warehouse.tables
        if not table.name.startswith("price_alert") and table.name != "audit_log"
    ]
    earlier = manifest.warehouse.model_copy(
        update={"schema_version": "0006", "tables": tuple(tables)}
    )
    path.write_text(manifest.model_copy(update={"warehouse": earlier}).model_dump_json())
    restore(target, tmp_path)
    with database.engine.connect() as ours:
        version = ours.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    assert read_tables(target)["alembic_version"] == [(version,)]
    assert read_tables(target)["fact_klines"] == read_tables(small_source)["fact_klines"]
    target.warehouse.require_ready()
