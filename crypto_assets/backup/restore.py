"""Restores a backup into an empty home and an empty warehouse; an interrupted one continues."""

import io
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from crypto_assets.backup.create import DAGSTER_CONFIG_NAME, ObjectState
from crypto_assets.backup.manifest import BackupManifest, HomeFile, LakeBackup, StoredFile
from crypto_assets.backup.repository import BackupRepository
from crypto_assets.dagster_ext.instance_home import prepare_home
from crypto_assets.dagster_ext.storage_backup import (
    fail_unfinished_runs,
    find_storage_url,
    list_sqlite_files,
)
from crypto_assets.errors import BackupDamaged, WrongUse
from crypto_assets.lake import Lake, describe_object, parse_key
from crypto_assets.market.lake_object import Source
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.settings import Settings
from crypto_assets.warehouse.engine.restore_marker import RestoreMarker
from crypto_assets.warehouse.engine.storage_backup import (
    describe_storage,
    require_no_storage,
    restore_storage_table,
)

_WRITERS = 8
_PUT_AT_ONCE = 1_000
_SHOWN_PROBLEMS = 5


@dataclass(frozen=True)
class RestoreReport:
    """What was restored; `failed_runs` were under way when the backup was made."""

    name: str
    rows: int
    objects: int
    failed_runs: int


@dataclass(frozen=True)
class _ExpiredObject:
    """An object of the backup's manifest that no lake had any more."""

    bucket: str
    key: str
    sha256: str
    fetched_at: int


def check_backup(repository: BackupRepository, manifest: BackupManifest) -> int:
    """Read every file of a backup, and return how many there are.

    Raises BackupDamaged, which names the files that are missing or changed.
    """
    files = dict.fromkeys(manifest.list_files())
    _require_no_problem(manifest.name, repository.iter_problems(files))
    objects = (file for lake in _lakes_of(manifest) for file in _iter_objects(repository, lake))
    _require_no_problem(manifest.name, repository.iter_problems(objects))
    listings = (manifest.raw_lake.listing, manifest.archive_lake.listing)
    return len(files) + sum(listing.rows or 0 for listing in listings)


def _require_no_problem(name: str, problems: Iterator[str]) -> None:
    shown = list(islice(problems, _SHOWN_PROBLEMS))
    if shown:
        more = sum(1 for _ in problems)
        raise BackupDamaged(
            f"the backup {name} is damaged: {'; '.join(shown)}"
            f"{f' and {more} files more' if more else ''}; restore another backup"
        )


def restore_backup(
    context: PipelineContext, settings: Settings, repository: BackupRepository, name: str | None
) -> RestoreReport:
    """Restore a backup, after checking all of its files; without a name the newest one.

    That of a further market leaves Dagster's storage as it is.
    Until it has finished, nothing else can use the warehouse; the same restore again continues.
    Raises WrongUse where the warehouse, a lake or Dagster's storage contains other data,
    BackupDamaged before anything is written.
    """
    tables = context.warehouse.table_backup
    with tables.hold_restore_lock() as require_lock:
        unfinished = tables.find_unfinished_restore()
        manifest = repository.read_manifest(name or (unfinished.backup if unfinished else None))
        check_backup(repository, manifest)
        is_default = not context.market
        storage_url = _find_storage_url(settings, repository, manifest) if is_default else None
        stores = _describe_stores(context, settings, storage_url)
        restore = RestoreMarker(manifest.name, stores=stores)
        # Everything is checked before anything is changed.
        tables.require_restorable(restore, manifest.warehouse.schema_version)
        if unfinished is None and is_default:
            _require_empty_storage(settings, storage_url)
        for lake, backup in _pair_lakes(context, manifest):
            lake.require_claimable(backup.exchange, market=backup.market)
        done = tables.begin_restore(restore, manifest.warehouse.schema_version)
        _claim_lakes(context, manifest)
        rows = _restore_tables(context, repository, manifest, done)
        objects = sum(
            _restore_lake(context, repository, lake, backup)
            for lake, backup in _pair_lakes(context, manifest)
        )
        _restore_files(repository, manifest.home, settings.home)
        failed = 0
        if is_default:
            failed = _restore_dagster(settings, repository, manifest, storage_url, require_lock)
        tables.upgrade_restored()
        _correct_manifest(context, repository, manifest)
        os.sync()  # The copied files reach the disk before the warehouse can be used.
        require_lock()
        tables.finish_restore()
    return RestoreReport(manifest.name, rows, objects, failed)


def list_used_names(repository: BackupRepository, digit: str) -> Iterator[str]:
    """Yield the names of the files of all backups of a directory that begin with a digit."""
    listings: set[StoredFile] = set()
    for name in repository.list_names():
        manifest = repository.read_manifest(name)
        yield from (stored.sha256 for stored in manifest.list_files())
        listings |= {lake.listing for lake in _lakes_of(manifest)}
    for listing in listings:
        for batch in _iter_batches(repository, listing, columns=["sha256"]):
            names = batch.column("sha256")
            yield from names.filter(pc.starts_with(names, digit)).to_pylist()


def _lakes_of(manifest: BackupManifest) -> tuple[LakeBackup, LakeBackup]:
    return manifest.raw_lake, manifest.archive_lake


def _pair_lakes(
    context: PipelineContext, manifest: BackupManifest
) -> tuple[tuple[Lake, LakeBackup], ...]:
    return (context.raw_lake, manifest.raw_lake), (context.archive_lake, manifest.archive_lake)


def _read_table(repository: BackupRepository, stored: StoredFile) -> pa.Table:
    return parquet.read_table(io.BytesIO(repository.read(stored)))


def _iter_objects(repository: BackupRepository, lake: LakeBackup) -> Iterator[StoredFile]:
    for lines in _iter_lines(repository, lake):
        yield from (_file_of(line) for line in lines if line["state"] != ObjectState.EXPIRED)


def _iter_lines(
    repository: BackupRepository, lake: LakeBackup
) -> Iterator[Sequence[dict[str, Any]]]:
    """Yield the lines of a lake's listing, a thousand at once."""
    for batch in _iter_batches(repository, lake.listing):
        yield batch.to_pylist()


def _iter_batches(
    repository: BackupRepository, stored: StoredFile, columns: list[str] | None = None
) -> Iterator[pa.RecordBatch]:
    with parquet.ParquetFile(repository.require_intact(stored)) as file:
        yield from file.iter_batches(_PUT_AT_ONCE, columns=columns)


def _file_of(line: dict[str, Any]) -> StoredFile:
    return StoredFile(sha256=line["sha256"], size_bytes=line["size_bytes"])


def _find_storage_url(
    settings: Settings, repository: BackupRepository, manifest: BackupManifest
) -> str | None:
    """Return the URL of the database that Dagster's home will use; None for SQLite files.

    A home without a `dagster.yaml` gets that of the backup. Raises WrongUse unless the storage is
    of the backup's kind.
    """
    home, was_server = settings.dagster_home, bool(manifest.dagster.tables)
    if (home / DAGSTER_CONFIG_NAME).exists():
        url = find_storage_url(home)
    else:
        with tempfile.TemporaryDirectory() as folder:
            configs = [file for file in manifest.dagster.files if file.path == DAGSTER_CONFIG_NAME]
            _restore_files(repository, tuple(configs), Path(folder))
            url = find_storage_url(Path(folder))
    if bool(url) != was_server:
        stored, wanted = ("MySQL", "SQLite") if was_server else ("SQLite", "MySQL")
        raise WrongUse(
            f"the backup contains Dagster's storage of {stored}, and {home} is set up for "
            f"{wanted}: use a home with a {DAGSTER_CONFIG_NAME} for {stored}"
        )
    return url


def _describe_stores(
    context: PipelineContext, settings: Settings, storage_url: str | None
) -> dict[str, str]:
    """Describe what a restore writes besides the warehouse, by what messages call it."""
    return {
        "the home": str(settings.home.resolve()),
        "Dagster's home": str(settings.dagster_home.resolve()),
        "Dagster's database": describe_storage(storage_url) if storage_url else "",
        "the raw lake": context.raw_lake.url,
        "the archive lake": context.archive_lake.url,
    }


def _require_empty_storage(settings: Settings, url: str | None) -> None:
    """Raise WrongUse where Dagster's storage contains anything."""
    home = settings.dagster_home
    if url:
        require_no_storage(url, settings.dagster_mysql_options.get_secret_value())
    elif list_sqlite_files(home):
        raise WrongUse(
            f"Dagster's home {home} contains runs: restore into an empty home, such as another "
            "CRYPTO_HOME, and do not run `init` or `up` before"
        )


def _claim_lakes(context: PipelineContext, manifest: BackupManifest) -> None:
    """Create the lakes; objects that they have stay. Raises ForeignExchange for another's."""
    for lake, backup in _pair_lakes(context, manifest):
        lake.create_storage()
        lake.check_writable()
        lake.claim_for_exchange(backup.exchange, market=backup.market)


def _restore_tables(
    context: PipelineContext, repository: BackupRepository, manifest: BackupManifest, done: int
) -> int:
    """Insert the parts after the first `done`, and return the number of rows of all."""
    buckets = {backup.bucket: lake.bucket for lake, backup in _pair_lakes(context, manifest)}
    parts = [(table.name, file) for table in manifest.warehouse.tables for file in table.files]
    for number, (name, stored) in enumerate(parts, start=1):
        if number > done:
            rows = _rename_buckets(_read_table(repository, stored), buckets)
            context.warehouse.table_backup.insert_part(manifest.name, number, name, rows)
    return sum(stored.rows or 0 for _, stored in parts)


def _rename_buckets(rows: pa.Table, buckets: dict[str, str]) -> pa.Table:
    """Give the tables that name a lake the names that the lakes have now."""
    if "bucket" not in rows.column_names or all(old == new for old, new in buckets.items()):
        return rows
    place = rows.column_names.index("bucket")
    former = rows.column("bucket")
    column = pa.array([buckets.get(name, name) for name in former.to_pylist()], pa.string())
    return rows.set_column(place, "bucket", column)


def _restore_lake(
    context: PipelineContext, repository: BackupRepository, lake: Lake, backup: LakeBackup
) -> int:
    """Put the objects; those that the lake has stay if they are the same or newer."""

    def put(line: dict[str, Any]) -> None:
        lake.put(
            line["key"],
            repository.read(_file_of(line)),
            fetched_at=line["fetched_at"],
            source=Source(line["source"] or Source.IMPORT),
            rows=line["rows"],
        )

    count = 0
    with ThreadPoolExecutor(_WRITERS, "restore") as pool, context.waiter.cancel_on_error():
        for lines in _iter_lines(repository, backup):
            present = [line for line in lines if line["state"] != ObjectState.EXPIRED]
            count += len(list(pool.map(put, present)))
    return count


def _restore_files(repository: BackupRepository, files: tuple[HomeFile, ...], home: Path) -> None:
    """Copy files into a home; those that it has stay, such as a `dagster.yaml` of its own."""
    for item in files:
        target = home / item.path
        if not target.exists():
            repository.copy_to(item.file, target)


def _restore_dagster(
    settings: Settings,
    repository: BackupRepository,
    manifest: BackupManifest,
    storage_url: str | None,
    require_lock: Callable[[], None],
) -> int:
    """Restore Dagster's storage, and return how many of its runs had to be failed."""
    home, dagster = settings.dagster_home, manifest.dagster
    _restore_files(repository, dagster.files, home)
    prepare_home(home)
    if storage_url:
        options = settings.dagster_mysql_options.get_secret_value()
        for table in dagster.tables:
            require_lock()
            parts = (_read_table(repository, stored) for stored in table.files)
            restore_storage_table(storage_url, options, table.name, table.definition or "", parts)
    return len(fail_unfinished_runs(home))


def _correct_manifest(
    context: PipelineContext, repository: BackupRepository, manifest: BackupManifest
) -> None:
    """Make the warehouse's manifest that of the lakes, where the backup took time between both."""
    for lake, backup in _pair_lakes(context, manifest):
        for lines in _iter_lines(repository, backup):
            new, expired = [], []
            for line in lines:
                if line["state"] == ObjectState.RECORDED or parse_key(line["key"]) is None:
                    continue
                if line["state"] == ObjectState.EXPIRED:
                    version = line["key"], line["sha256"], line["fetched_at"]
                    expired.append(_ExpiredObject(lake.bucket, *version))
                else:
                    body = repository.read(_file_of(line))
                    new.append(describe_object(lake.bucket, line["key"], body, line["fetched_at"]))
            context.warehouse.lake_objects.record_objects(new)
            context.warehouse.lake_objects.forget_objects(expired)
