"""A backup of a warehouse and its lakes, restored into other ones, is identical."""

import os
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal
from sqlalchemy import text

from crypto_assets.backup import create
from crypto_assets.backup.create import _copy_lake, _store_table, create_backup
from crypto_assets.backup.manifest import TableFiles, WarehouseBackup
from crypto_assets.backup.repository import BackupRepository
from crypto_assets.backup.restore import (
    _describe_stores,
    _iter_objects,
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
from crypto_assets.exchange import open_exchange
from crypto_assets.lake import build_klines_key, open_lake
from crypto_assets.lake.directory_lake import DirectoryLake
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.utc_time import DAY_MS, Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.order_books import capture_order_book, load_order_books
from crypto_assets.settings import Settings, get_settings
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.engine import table_backup
from crypto_assets.warehouse.engine.restore_marker import RestoreMarker
from crypto_assets.warehouse.engine.table_parts import reflect_table, reflect_tables
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform, build_platform, run_ingest
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange
from crypto_assets_tests.services.mariadb import DatabaseServer

__all__ = ["build_platform"]

SYMBOLS = ("BTCUSDT", "WAVESBTC")
_EVER = Window(0, 2**53)


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    """A simulated exchange whose clock shows noon."""
    return simulated_exchange(now=NOON)


@pytest.fixture
def source(
    server: ExchangeServer, build_platform: BuildPlatform, warehouse_url: str
) -> PipelineContext:
    """Stores with half a day of candles, an order book, and one that is not loaded."""
    context = build_platform(server, *SYMBOLS, warehouse_url=warehouse_url)
    Warehouse(warehouse_url).migrate_schema()
    return fill(context)


@pytest.fixture
def small_source(server: ExchangeServer, build_platform: BuildPlatform) -> PipelineContext:
    """The same in SQLite."""
    return fill(build_platform(server, *SYMBOLS))


def fill(context: PipelineContext) -> PipelineContext:
    run_ingest(context, *SYMBOLS)
    capture_order_book(context, "BTCUSDT")
    load_order_books(context, "BTCUSDT", Window.of_day(TODAY))
    capture_order_book(context, "WAVESBTC")
    context.warehouse.app_settings.put_value("lake_days", 90, "a person")
    context.warehouse.symbols.untrack_symbol("WAVESBTC")
    return context


def open_target(server: ExchangeServer, home: Path, warehouse_url: str = "") -> PipelineContext:
    """Empty stores, without a schema; the lakes have other names than those of the source."""
    home.mkdir(exist_ok=True)
    return PipelineContext(
        exchange=open_exchange(server.url, server.archive_url),
        raw_lake=open_lake(str(home / "raw-2")),
        archive_lake=open_lake(str(home / "archive-2")),
        warehouse=Warehouse(warehouse_url or f"sqlite:///{home / 'warehouse.db'}"),
        settle_ms=5_000,
        order_book_levels=20,
        default_ingest_minutes=1,
        default_order_book_minutes=5,
        partition_unit=get_settings().partition_unit,
    )


@pytest.fixture
def target(server: ExchangeServer, tmp_path: Path) -> Iterator[PipelineContext]:
    context = open_target(server, tmp_path / "target")
    yield context
    context.close()


def is_exact(context: PipelineContext) -> bool:
    return context.warehouse.has_exact_decimals


def settings_of(context: PipelineContext) -> Settings:
    """Settings whose home is the folder of the lakes."""
    home = Path(context.raw_lake.url).parent
    return Settings(home=home, dagster_home=home / "dagster")


def repository_at(tmp_path: Path) -> BackupRepository:
    return BackupRepository(tmp_path / "backups")


def back_up(context: PipelineContext, tmp_path: Path) -> str:
    return create_backup(context, settings_of(context), repository_at(tmp_path)).name


def restore(context: PipelineContext, tmp_path: Path, name: str | None = None) -> None:
    restore_backup(context, settings_of(context), repository_at(tmp_path), name)


def read_tables(context: PipelineContext) -> dict[str, list[Any]]:
    """Every row of every table; lakes by their roles."""
    roles = {context.raw_lake.bucket: "raw", context.archive_lake.bucket: "archive"}
    database = context.warehouse._database
    with database.engine.connect() as connection:
        return {
            table.name: [
                tuple(roles.get(value, value) if isinstance(value, str) else value for value in row)
                for row in connection.execute(table.select().order_by(*table.primary_key.columns))
            ]
            for table in reflect_tables(connection)
        }


def read_lakes(context: PipelineContext) -> list[tuple[str, int, bytes]]:
    return [
        (info.key, info.fetched_at, body)
        for lake in (context.raw_lake, context.archive_lake)
        for entry in lake.list_entries()
        for info, body in [lake.get_with_info(entry.key)]
    ]


def test_a_restored_backup_is_identical(
    source: PipelineContext, server: ExchangeServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Into the same kind of database; its lakes have other names."""
    other = request.getfixturevalue("mariadb").fresh() if is_exact(source) else ""
    target = open_target(server, tmp_path / "target", other)
    back_up(source, tmp_path)
    restore(target, tmp_path)
    target.warehouse.require_ready()
    assert read_tables(target) == read_tables(source)
    assert read_lakes(target) == read_lakes(source)
    assert target.raw_lake.get_marker() == source.raw_lake.get_marker()
    run_ingest(target, "BTCUSDT")
    assert not read_tables(target)["kline_revisions"]
    assert len(read_tables(target)["fact_klines"]) == len(read_tables(source)["fact_klines"])
    target.close()


@pytest.mark.slow
def test_a_backup_is_restored_into_another_kind_of_database(
    source: PipelineContext, server: ExchangeServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    other = "" if is_exact(source) else request.getfixturevalue("mariadb").fresh()
    target = open_target(server, tmp_path / "target", other)
    back_up(source, tmp_path)
    restore(target, tmp_path)
    for symbol in SYMBOLS:
        stored, original = (
            (
                context.warehouse.facts.read_candles(symbol, _EVER),
                context.warehouse.order_books.read_latest(symbol),
            )
            for context in (target, source)
        )
        assert stored == original
        # A sum has more digits than SQLite stores.
        hours, expected = (
            context.warehouse.aggregates.read_candles(symbol, Interval.H1, _EVER)
            .to_pandas()
            .astype(float)
            for context in (target, source)
        )
        assert_frame_equal(hours, expected, rtol=1e-14)
    ours, theirs = read_tables(target), read_tables(source)
    assert {name: len(rows) for name, rows in ours.items()} == {
        name: len(rows) for name, rows in theirs.items()
    }
    for name in ("lake_objects", "app_settings", "audit_log", "kline_gaps", "extraction_metadata"):
        assert ours[name] == theirs[name]
    target.close()


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


def test_the_second_backup_reads_and_stores_only_what_is_new(
    small_source: PipelineContext, target: PipelineContext, tmp_path: Path
) -> None:
    back_up(small_source, tmp_path)
    # An object that the first backup has is not read again: it may be gone.
    klines = next(item for item in small_source.raw_lake.list_entries() if "klines" in item.key)
    body = small_source.raw_lake.get(klines.key)
    small_source.raw_lake.delete([klines.key])
    repository = repository_at(tmp_path)
    settings = settings_of(small_source)
    small_source.warehouse.app_settings.put_value("lake_days", 91, "a person")
    report = create_backup(small_source, settings, repository)
    # The tables of settings and of their log; and the listing, if it names the expired object.
    assert report.new_files <= 3
    restore(target, tmp_path)
    assert target.raw_lake.get(klines.key) == body
    assert target.warehouse.app_settings.get_value("lake_days") == 91


def test_what_changes_between_warehouse_and_lake_is_right_after_the_restore(
    small_source: PipelineContext, target: PipelineContext, tmp_path: Path
) -> None:
    """An object that expired, one that is new, and a later version of one."""
    lake = small_source.raw_lake
    keys = sorted(entry.key for entry in lake.list_entries())
    books = [key for key in keys if "depth" in key]
    klines = [key for key in keys if "klines" in key]
    info, body = lake.get_with_info(klines[0])
    lake.put(
        klines[0],
        body + b"\n",
        fetched_at=info.fetched_at + 1,
        source=info.source,
        rows=info.rows or 720,
    )  # type: ignore[arg-type]
    book, content = lake.get_with_info(books[0])
    lake.delete([books[0]])
    other = books[0].replace(str(book.fetched_at), str(book.fetched_at + 1))
    lake.put(other, content, fetched_at=book.fetched_at + 1, source=info.source, rows=40)  # type: ignore[arg-type]
    back_up(small_source, tmp_path)
    restore(target, tmp_path)
    assert sorted(entry.key for entry in target.raw_lake.list_entries()) == sorted(
        {*keys, other} - {books[0]}
    )
    stored = {
        item.key: item
        for symbol in SYMBOLS
        for kind in ObjectKind
        for item in target.warehouse.lake_objects.list_in_window(symbol, kind, _EVER)
    }
    assert set(stored) == {*keys, other} - {books[0]}
    assert stored[klines[0]].loaded_at is None, "its later version must be loaded"
    assert stored[other].loaded_at is None


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


def test_an_object_of_the_lake_that_is_not_what_was_stored_is_reported(
    small_source: PipelineContext, target: PipelineContext, tmp_path: Path
) -> None:
    """With the size and the time that it had: a disk has changed it. It is kept as evidence."""
    key = next(item.key for item in small_source.raw_lake.list_entries() if "klines" in item.key)
    path = Path(small_source.raw_lake.url) / key
    before, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:-1] + b"}")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    report = create_backup(small_source, settings_of(small_source), repository_at(tmp_path))
    assert report.changed_objects == (key,)
    restore(target, tmp_path)
    assert target.raw_lake.get(key) == content[:-1] + b"}"
    assert read_tables(target)["lake_objects"] == read_tables(small_source)["lake_objects"]


def test_a_damaged_file_of_the_directory_is_replaced_after_some_days(
    small_source: PipelineContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(small_source, tmp_path)
    repository = repository_at(tmp_path)
    item = small_source.warehouse.lake_objects.list_latest(1)[0]
    path = repository.directory / "files" / item.sha256[:2] / item.sha256
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"}")
    days = []
    monkeypatch.setattr(create, "CHECK_DAYS", 3)
    for day in range(3):
        with monkeypatch.context() as patched:
            patched.setattr(create, "now_ms", lambda day=day: day * DAY_MS)
            back_up(small_source, tmp_path)
        if path.read_bytes() == content:
            days.append(day)
    assert days == list(range(days[0], 3))
    check_backup(repository, repository.read_manifest())


def test_files_that_vanish_or_change_meanwhile_stop_no_backup(
    small_source: PipelineContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, read = settings_of(small_source), Path.read_bytes
    (settings.home / "gone").write_text("gone")
    (settings.home / "token").write_text("half")

    def read_later(path: Path) -> bytes:
        if path.name == "gone":
            path.unlink()
        content = read(path)
        if path.name == "token" and content == b"half":
            path.write_text("half and the other")
        return content

    monkeypatch.setattr(Path, "read_bytes", read_later)
    repository = repository_at(tmp_path)
    create_backup(small_source, settings, repository)
    files = {item.path: item.file for item in repository.read_manifest().home}
    assert "gone" not in files
    assert repository.read(files["token"]) == b"half and the other"


@pytest.mark.slow
def test_the_memory_of_a_backup_does_not_grow_with_the_lake(
    small_source: PipelineContext, tmp_path: Path
) -> None:
    """Nor that of a check. All objects have the same content."""
    repository = repository_at(tmp_path)
    repository.create()
    stored = repository.put_bytes(b"[]")
    peaks = []
    for count in (12_000, 24_000):
        keys = [build_klines_key("BTCUSDT", n, n, Source.REST) for n in range(count)]
        rows = pa.table(
            {
                "bucket": [small_source.raw_lake.bucket] * count,
                "key": sorted(keys),
                "sha256": [stored.sha256] * count,
                "size_bytes": [2] * count,
                "fetched_at": [1] * count,
                "source": ["rest"] * count,
                "rows": [0] * count,
            }
        )
        part = _store_table(rows, repository)
        lake_objects = TableFiles(name="lake_objects", files=(part,))
        warehouse = WarehouseBackup(schema_version="0008", tables=(lake_objects,))
        del rows, keys
        tracemalloc.start()
        backup = _copy_lake(small_source, small_source.raw_lake, warehouse, repository, [])
        found = sum(1 for _ in _iter_objects(repository, backup))
        assert found >= count and backup.listing.rows == found
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0], peaks


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
