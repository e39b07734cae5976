"""Makes a backup, while the pipeline runs.

Dagster's storage is read first, then the warehouse, then the lakes. So a restored warehouse has all
that Dagster shows as materialized, and the lakes have all objects of the warehouse's manifest, but
those that have expired meanwhile.
"""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
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
from crypto_assets.lake import Lake
from crypto_assets.lake.interface import ObjectInfo, resolve_row_count
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
_EMPTY_MANIFEST = pa.table({name: pa.array([], pa.string()) for name in _MANIFEST_COLUMNS})
_READERS = 8
_LISTED_AT_ONCE = 1_000
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
    """What a backup contains, and how much of it was not in the directory before."""

    name: str
    rows: int
    objects: int
    new_files: int
    new_bytes: int


@dataclass(frozen=True)
class _WarehouseCopy:
    backup: WarehouseBackup
    manifest: pa.Table


def create_backup(
    context: PipelineContext, settings: Settings, repository: BackupRepository
) -> BackupReport:
    """Make a backup. A killed one leaves only files that the next one uses.

    Raises WrongUse for a directory that cannot contain backups, WarehouseNotReady where the stores
    are not initialized.
    """
    context.warehouse.require_ready()
    repository.create()
    with repository.lock():
        began = datetime.now(UTC)
        dagster = _copy_dagster(settings, repository)
        home = _copy_home_files(settings.home, repository)
        warehouse = context.warehouse.table_backup.read_tables(
            lambda version, tables: _copy_tables(version, tables, repository)
        )
        raw, archive = (
            _copy_lake(context, lake, warehouse.manifest, repository)
            for lake in (context.raw_lake, context.archive_lake)
        )
        manifest = BackupManifest(
            name=f"{began.strftime(_NAME_FORMAT)}.{began.microsecond // 1000:03}Z",
            version=VERSION,
            warehouse=warehouse.backup,
            raw_lake=raw,
            archive_lake=archive,
            dagster=dagster,
            home=home,
        )
        repository.write_manifest(manifest)
    return BackupReport(
        name=manifest.name,
        rows=sum(file.rows or 0 for table in warehouse.backup.tables for file in table.files),
        objects=(raw.listing.rows or 0) + (archive.listing.rows or 0),
        new_files=repository.added_files,
        new_bytes=repository.added_bytes,
    )


def _copy_tables(version: str, tables: TableParts, repository: BackupRepository) -> _WarehouseCopy:
    copied, manifest = [], []
    for name, parts in tables:
        files = []
        for part in parts:
            files.append(_store_table(part, repository))
            if name == _MANIFEST_TABLE:
                manifest.append(part.select(_MANIFEST_COLUMNS))
        copied.append(TableFiles(name=name, files=tuple(files)))
    known = pa.concat_tables(manifest) if manifest else _EMPTY_MANIFEST
    return _WarehouseCopy(WarehouseBackup(schema_version=version, tables=tuple(copied)), known)


def _store_table(table: pa.Table, repository: BackupRepository) -> StoredFile:
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, compression="zstd")
    return repository.put_bytes(buffer.getvalue(), rows=table.num_rows)


def _copy_lake(
    context: PipelineContext, lake: Lake, manifest: pa.Table, repository: BackupRepository
) -> LakeBackup:
    marker = lake.get_marker()
    if marker is None:
        raise LakeError(f"the lake {lake.url} is not initialized: run `crypto-assets init`")
    lines = [line for line in _copy_objects(context, lake, manifest, repository) if line]
    return LakeBackup(
        bucket=lake.bucket,
        exchange=marker.exchange,
        market=marker.market,
        listing=_store_table(pa.Table.from_pylist(lines, schema=LISTING_SCHEMA), repository),
    )


def _copy_objects(
    context: PipelineContext, lake: Lake, manifest: pa.Table, repository: BackupRepository
) -> Iterator[dict[str, Any] | None]:
    """Copy the objects of the manifest, then those that it lacks; yield their lines."""
    buckets = {lake.bucket, context.raw_lake.bucket}
    with ThreadPoolExecutor(_READERS, "backup") as pool:
        known = set()
        for batch in manifest.to_batches(_LISTED_AT_ONCE):
            rows = batch.to_pylist()
            # A move that was killed leaves a copy in the archive lake.
            known |= {row["key"] for row in rows if row["bucket"] in buckets}
            own = [row for row in rows if row["bucket"] == lake.bucket]
            yield from pool.map(lambda row: _copy_recorded(context, lake, row, repository), own)
        unknown = (entry.key for entry in lake.list_entries() if entry.key not in known)
        for keys in iter_batches(unknown, _LISTED_AT_ONCE):
            yield from pool.map(lambda key: _copy_new(lake, key, repository), keys)


def _copy_recorded(
    context: PipelineContext, lake: Lake, row: dict[str, Any], repository: BackupRepository
) -> dict[str, Any]:
    """Copy an object of the manifest. One that the directory has already is not read again."""
    line = {name: row[name] for name in _MANIFEST_COLUMNS if name != "bucket"}
    recorded = line | {"state": ObjectState.RECORDED}
    if repository.contains(StoredFile(sha256=row["sha256"], size_bytes=row["size_bytes"])):
        return recorded
    for place in (lake, context.archive_lake):
        with suppress(ObjectMissing):
            info, body = place.get_with_info(row["key"])
            stored = repository.put_bytes(body)
            return recorded if stored.sha256 == row["sha256"] else _describe(info, body, stored)
    return line | {"state": ObjectState.EXPIRED}


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
    config = home / DAGSTER_CONFIG_NAME
    copied = []
    if config.is_file():
        copied.append(HomeFile(path=config.name, file=_copy_file(config, repository)))
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
    paths = [
        path
        for path in sorted(home.iterdir())
        if path.is_file()
        and not path.is_symlink()
        and path.stat().st_size <= _MAX_HOME_FILE_BYTES
        and not path.name.startswith(_WAREHOUSE_FILE)
    ]
    return tuple(HomeFile(path=path.name, file=_copy_file(path, repository)) for path in paths)


def _copy_file(path: Path, repository: BackupRepository) -> StoredFile:
    return repository.put_bytes(path.read_bytes())
