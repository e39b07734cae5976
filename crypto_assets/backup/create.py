"""Makes a backup, while the pipeline runs.

Dagster's storage is read first, then the warehouse, then the lakes. So a restored warehouse has all
that Dagster shows as materialized, and the lakes have all objects of the warehouse's manifest, but
those that have expired meanwhile.
"""

import heapq
import io
import os
import stat
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from crypto_assets.backup.manifest import (
    BackupManifest,
    DagsterBackup,
    HomeFile,
    LakeBackup,
    StoredFile,
    TableFiles,
    WarehouseBackup,
)
from crypto_assets.backup.repository import BackupRepository
from crypto_assets.batches import iter_batches
from crypto_assets.dagster_ext.storage_backup import (
    copy_sqlite_file,
    find_storage_url,
    list_sqlite_files,
)
from crypto_assets.errors import LakeError, ObjectMissing
from crypto_assets.installation import VERSION
from crypto_assets.lake import Lake, parse_key
from crypto_assets.lake.interface import ObjectInfo, resolve_row_count
from crypto_assets.market.utc_time import DAY_MS, now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.settings import Settings
from crypto_assets.warehouse.engine.storage_backup import DefinedTable, read_storage_tables
from crypto_assets.warehouse.engine.table_backup import TableParts

DAGSTER_CONFIG_NAME = "dagster.yaml"
LISTING_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("sha256", pa.string()),
        ("size_bytes", pa.int64()),
        ("fetched_at", pa.int64()),
        ("source", pa.string()),
        ("rows", pa.int64()),
        ("state", pa.string()),
    ]
)
_WAREHOUSE_FILE = "warehouse.db"
_MANIFEST_TABLE = "lake_objects"
_MANIFEST_COLUMNS = ["bucket", *LISTING_SCHEMA.names[:-1]]
_READERS = 8
_LISTED_AT_ONCE = 1_000
_LINES_AT_ONCE = 5_000
# A file that earlier backups have made is read and compared on one of so many days.
CHECK_DAYS = 30
_READ_ATTEMPTS = 5
# Of the home's own folder: the databases and the logs of processes have their own rules.
_MAX_HOME_FILE_BYTES = 1_000_000
_NAME_FORMAT = "%Y-%m-%dT%H%M%S"


class ObjectState(StrEnum):
    """How an object relates to the manifest in the same backup's warehouse.

    EXPIRED: the manifest has it, and no lake. NEW: the manifest lacks it, or has another version.
    """

    RECORDED = "recorded"
    NEW = "new"
    EXPIRED = "expired"


@dataclass(frozen=True)
class BackupReport:
    """What a backup contains, and how much of it was not in the directory before.

    `changed_objects` are keys whose content is not that which was stored: a disk or a person has
    changed it.
    """

    name: str
    rows: int
    objects: int
    new_files: int
    new_bytes: int
    changed_objects: tuple[str, ...]


def create_backup(
    context: PipelineContext, settings: Settings, repository: BackupRepository
) -> BackupReport:
    """Make a backup. A killed one leaves only files that the next one uses.

    That of a further market has its warehouse and its lakes: Dagster's storage, which all markets
    share, is in that of the default market. Raises WrongUse for a directory that cannot contain
    backups, WarehouseNotReady where the stores are not initialized.
    """
    context.warehouse.require_ready()
    repository.create()
    with repository.lock():
        began = datetime.now(UTC)
        dagster = DagsterBackup()
        home: tuple[HomeFile, ...] = ()
        if not context.market:
            dagster = _copy_dagster(settings, repository)
            home = _copy_home_files(settings.home, repository)
        warehouse = context.warehouse.table_backup.read_tables(
            lambda version, tables: _copy_tables(version, tables, repository)
        )
        changed: list[str] = []
        raw, archive = (
            _copy_lake(context, lake, warehouse, repository, changed)
            for lake in (context.raw_lake, context.archive_lake)
        )
        manifest = BackupManifest(
            name=f"{began.strftime(_NAME_FORMAT)}.{began.microsecond // 1000:03}Z",
            version=VERSION,
            warehouse=warehouse,
            raw_lake=raw,
            archive_lake=archive,
            dagster=dagster,
            home=home,
        )
        repository.write_manifest(manifest)
    return BackupReport(
        name=manifest.name,
        rows=sum(file.rows or 0 for table in warehouse.tables for file in table.files),
        objects=(raw.listing.rows or 0) + (archive.listing.rows or 0),
        new_files=repository.added_files,
        new_bytes=repository.added_bytes,
        changed_objects=tuple(changed),
    )


def _copy_tables(version: str, tables: TableParts, repository: BackupRepository) -> WarehouseBackup:
    copied = [
        TableFiles(name=name, files=tuple(_store_table(part, repository) for part in parts))
        for name, parts in tables
    ]
    return WarehouseBackup(schema_version=version, tables=tuple(copied))


def _store_table(table: pa.Table, repository: BackupRepository) -> StoredFile:
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, compression="zstd")
    return repository.put_bytes(buffer.getvalue(), rows=table.num_rows)


def _copy_lake(
    context: PipelineContext,
    lake: Lake,
    warehouse: WarehouseBackup,
    repository: BackupRepository,
    changed: list[str],
) -> LakeBackup:
    """Copy the objects of a lake; add the keys of those that have changed to `changed`."""
    marker = lake.get_marker()
    if marker is None:
        raise LakeError(f"the lake {lake.url} is not initialized: run `crypto-assets init`")
    lines = _copy_objects(context, lake, warehouse, repository, changed)
    return LakeBackup(
        bucket=lake.bucket,
        exchange=marker.exchange,
        market=marker.market,
        listing=_store_listing((line for line in lines if line), repository),
    )


def _store_listing(lines: Iterator[dict[str, Any]], repository: BackupRepository) -> StoredFile:
    """Store the lines of a lake's objects, of which there may be too many for the memory."""
    count = 0
    with repository.open_partial() as partial:
        with parquet.ParquetWriter(partial, LISTING_SCHEMA, compression="zstd") as writer:
            for batch in iter_batches(lines, _LINES_AT_ONCE):
                writer.write_table(pa.Table.from_pylist(batch, schema=LISTING_SCHEMA))
                count += len(batch)
        return repository.put_file(partial, rows=count)


def _copy_objects(
    context: PipelineContext,
    lake: Lake,
    warehouse: WarehouseBackup,
    repository: BackupRepository,
    changed: list[str],
) -> Iterator[dict[str, Any] | None]:
    """Copy the objects of the manifest, then those that it lacks; yield their lines."""

    def copy_recorded(row: dict[str, Any]) -> dict[str, Any]:
        return _copy_recorded(context, lake, row, repository, changed)

    # A move that was killed leaves a copy in the archive lake.
    buckets = sorted({lake.bucket, context.raw_lake.bucket})
    with ThreadPoolExecutor(_READERS, "backup") as pool:
        for rows in iter_batches(
            _iter_manifest(warehouse, repository, lake.bucket), _LISTED_AT_ONCE
        ):
            yield from pool.map(copy_recorded, rows)
        known = heapq.merge(
            *(_iter_manifest(warehouse, repository, bucket) for bucket in buckets),
            key=itemgetter("key"),
        )
        unknown = _iter_unknown_keys(lake, (row["key"] for row in known))
        for keys in iter_batches(unknown, _LISTED_AT_ONCE):
            yield from pool.map(lambda key: _copy_new(lake, key, repository), keys)


def _iter_manifest(
    warehouse: WarehouseBackup, repository: BackupRepository, bucket: str
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a lake in the manifest by key, from the copied parts of its table."""
    for table in warehouse.tables:
        for stored in table.files if table.name == _MANIFEST_TABLE else ():
            with parquet.ParquetFile(repository.get_path(stored)) as file:
                for batch in file.iter_batches(_LISTED_AT_ONCE, columns=_MANIFEST_COLUMNS):
                    yield from (row for row in batch.to_pylist() if row["bucket"] == bucket)


def _iter_unknown_keys(lake: Lake, known: Iterator[str]) -> Iterator[str]:
    """Yield the keys of a lake that are not among the known ones, both of which are in order."""
    following = next(known, None)
    for entry in lake.list_entries():
        if parse_key(entry.key) is None:  # of another layout, which is not listed in order
            yield entry.key
            continue
        while following is not None and following < entry.key:
            following = next(known, None)
        if entry.key != following:
            yield entry.key


def _copy_recorded(
    context: PipelineContext,
    lake: Lake,
    row: dict[str, Any],
    repository: BackupRepository,
    changed: list[str],
) -> dict[str, Any]:
    """Copy an object of the manifest. One that the directory has already is seldom read again."""
    line = {name: row[name] for name in _MANIFEST_COLUMNS if name != "bucket"}
    recorded = line | {"state": ObjectState.RECORDED}
    wanted = StoredFile(sha256=row["sha256"], size_bytes=row["size_bytes"])
    if _has_copy(wanted, repository):
        return recorded
    for place in (lake, context.archive_lake):
        with suppress(ObjectMissing):
            info, body = place.get_with_info(row["key"])
            stored = repository.put_bytes(body)
            if stored.sha256 == row["sha256"]:
                return recorded
            if info.fetched_at > row["fetched_at"]:
                return _describe(info, body, stored)
            changed.append(row["key"])
            # Restored as it is: the manifest still has the SHA-256 of what was stored.
            return recorded | {"sha256": stored.sha256, "size_bytes": stored.size_bytes}
    return line | {"state": ObjectState.EXPIRED}


def _has_copy(wanted: StoredFile, repository: BackupRepository) -> bool:
    """Return whether the directory has a file; each day, some are read and compared."""
    is_due = int(wanted.sha256[:8], 16) % CHECK_DAYS == now_ms() // DAY_MS % CHECK_DAYS
    return repository.is_intact(wanted) if is_due else repository.contains(wanted)


def _copy_new(lake: Lake, key: str, repository: BackupRepository) -> dict[str, Any] | None:
    """Copy an object that the manifest lacks; None if it is gone since it was listed."""
    try:
        info, body = lake.get_with_info(key)
    except ObjectMissing:
        return None
    return _describe(info, body, repository.put_bytes(body))


def _describe(info: ObjectInfo, body: bytes, stored: StoredFile) -> dict[str, Any]:
    return {
        "key": info.key,
        "sha256": stored.sha256,
        "size_bytes": stored.size_bytes,
        "fetched_at": info.fetched_at,
        "source": info.source,
        "rows": resolve_row_count(info, body),
        "state": ObjectState.NEW,
    }


def _copy_dagster(settings: Settings, repository: BackupRepository) -> DagsterBackup:
    home = settings.dagster_home
    copied = list(_copy_files([home / DAGSTER_CONFIG_NAME], repository))
    url = find_storage_url(home)
    if url is None:
        for path in list_sqlite_files(home):
            with repository.open_partial() as partial:
                if not copy_sqlite_file(path, partial):
                    continue
                stored = repository.put_file(partial)
            copied.append(HomeFile(path=path.relative_to(home).as_posix(), file=stored))
        return DagsterBackup(files=tuple(copied))

    def copy_tables(tables: Iterator[DefinedTable]) -> tuple[TableFiles, ...]:
        return tuple(
            TableFiles(
                name=name,
                definition=definition,
                files=tuple(_store_table(part, repository) for part in parts),
            )
            for name, definition, parts in tables
        )

    options = settings.dagster_mysql_options.get_secret_value()
    tables = read_storage_tables(url, options, copy_tables)
    return DagsterBackup(files=tuple(copied), tables=tables)


def _copy_home_files(home: Path, repository: BackupRepository) -> tuple[HomeFile, ...]:
    """Copy the home's own small files, such as its token; not those of its subfolders."""
    paths = (path for path in sorted(home.iterdir()) if not path.name.startswith(_WAREHOUSE_FILE))
    return tuple(_copy_files(paths, repository))


def _copy_files(paths: Iterable[Path], repository: BackupRepository) -> Iterator[HomeFile]:
    """Copy small regular files, without those that vanish meanwhile."""
    for path in paths:
        content = _read_unchanged(path)
        if content is not None:
            yield HomeFile(path=path.name, file=repository.put_bytes(content))


def _read_unchanged(path: Path) -> bytes | None:
    """Return the content of a small regular file; None for anything else, and for a missing one.

    Reads again what another process changes meanwhile: not every program replaces files at once.
    """
    content = None
    for _ in range(_READ_ATTEMPTS):
        try:
            before = path.lstat()
            if not stat.S_ISREG(before.st_mode) or before.st_size > _MAX_HOME_FILE_BYTES:
                return None
            content, after = path.read_bytes(), path.lstat()
        except FileNotFoundError:
            return None
        if _describe_version(before) == _describe_version(after):
            break
    return content


def _describe_version(file_stat: os.stat_result) -> tuple[int, int, int]:
    return file_stat.st_ino, file_stat.st_size, file_stat.st_mtime_ns
