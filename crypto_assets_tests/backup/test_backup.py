"""A backup of a warehouse and its lakes, restored into other ones, is identical."""

import os
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from crypto_assets.backup import create
from crypto_assets.backup.create import _copy_lake, _store_table, create_backup
from crypto_assets.backup.manifest import TableFiles, WarehouseBackup
from crypto_assets.backup.restore import (
    _iter_objects,
    check_backup,
)
from crypto_assets.lake import build_klines_key
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.utc_time import DAY_MS, Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets_tests.backup.stores import (
    SYMBOLS,
    back_up,
    is_exact,
    open_target,
    read_lakes,
    read_tables,
    repository_at,
    restore,
    settings_of,
)
from crypto_assets_tests.pipeline.conftest import run_ingest
from crypto_assets_tests.services.exchange import ExchangeServer

_EVER = Window(0, 2**53)


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
