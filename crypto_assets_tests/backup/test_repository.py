"""The directory of backups: what it shares, what it finds damaged, and who may write to it."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from crypto_assets.backup.manifest import (
    BackupManifest,
    DagsterBackup,
    HomeFile,
    LakeBackup,
    StoredFile,
    WarehouseBackup,
)
from crypto_assets.backup.repository import BackupRepository
from crypto_assets.errors import BackupDamaged, WrongUse


@pytest.fixture
def repository(tmp_path: Path) -> BackupRepository:
    created = BackupRepository(tmp_path / "backups")
    created.create()
    return created


def make_manifest(repository: BackupRepository, name: str, *home: HomeFile) -> BackupManifest:
    """A manifest whose lakes are empty."""
    lake = LakeBackup(
        bucket="raw", exchange="binance", market="", listing=repository.put_bytes(b"listing")
    )
    return BackupManifest(
        name=name,
        version="1",
        warehouse=WarehouseBackup(schema_version="0001", tables=()),
        raw_lake=lake,
        archive_lake=lake,
        dagster=DagsterBackup(),
        home=home,
    )


def test_equal_content_is_stored_once_and_is_private(repository: BackupRepository) -> None:
    first = repository.put_bytes(b"candles")
    assert repository.put_bytes(b"candles") == first
    assert (repository.added_files, repository.added_bytes) == (1, 7)
    assert repository.read(first) == b"candles"
    assert repository.get_path(first).stat().st_mode & 0o077 == 0
    assert repository.directory.stat().st_mode & 0o077 == 0


def test_a_file_that_a_power_cut_left_empty_is_stored_again(repository: BackupRepository) -> None:
    stored = repository.put_bytes(b"candles")
    repository.get_path(stored).write_bytes(b"")
    assert not repository.contains(stored)
    repository.put_bytes(b"candles")
    assert repository.read(stored) == b"candles"


def test_a_damaged_file_is_replaced_by_the_next_backup(repository: BackupRepository) -> None:
    stored = repository.put_bytes(b"candles")
    repository.get_path(stored).write_bytes(b"candies")
    repository.put_bytes(b"candles")
    assert repository.read(stored) == b"candles"


@pytest.mark.parametrize("content", [b"candies", b"candles and more", None])
def test_a_changed_or_missing_file_is_never_used(
    repository: BackupRepository, tmp_path: Path, content: bytes | None
) -> None:
    stored = repository.put_bytes(b"candles")
    path = repository.get_path(stored)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BackupDamaged, match=stored.sha256):
        repository.read(stored)
    with pytest.raises(BackupDamaged, match=stored.sha256):
        repository.copy_to(stored, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert len(list(repository.iter_problems([stored]))) == 1


def test_a_directory_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"")
    with pytest.raises(WrongUse, match="not empty and contains no backups"):
        BackupRepository(tmp_path).create()
    with pytest.raises(WrongUse, match="is a file"):
        BackupRepository(tmp_path / "photo.jpg").create()
    with pytest.raises(WrongUse, match="contains no backups of crypto-assets"):
        BackupRepository(tmp_path).require_backups()
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


def test_backups_of_a_newer_format_are_refused(repository: BackupRepository) -> None:
    (repository.directory / "backup.json").write_text('{"crypto-assets-backup": 2}\n')
    with pytest.raises(WrongUse, match="install a newer crypto-assets"):
        repository.require_backups()


def test_one_process_writes_at_a_time(repository: BackupRepository) -> None:
    other = BackupRepository(repository.directory)
    with repository.lock(), pytest.raises(WrongUse, match="another backup"), other.lock():
        pass
    with other.lock():
        pass
    with (
        repository.lock_for_reading(),
        other.lock_for_reading(),
        pytest.raises(WrongUse, match="or a restore, is running"),
        other.lock(),
    ):
        pass


def test_the_newest_backup_is_read_and_a_name_chooses_another(
    repository: BackupRepository,
) -> None:
    with pytest.raises(WrongUse, match="contains no complete backup"):
        repository.read_manifest()
    for name in ("2026-01-02T000000.000Z", "2026-01-01T000000.000Z"):
        repository.write_manifest(make_manifest(repository, name))
    assert repository.read_manifest().name == "2026-01-02T000000.000Z"
    assert repository.read_manifest("2026-01-01T000000.000Z").name == "2026-01-01T000000.000Z"
    with pytest.raises(WrongUse, match=r"no backup '2025'.*2026-01-01T000000.000Z"):
        repository.read_manifest("2025")


@pytest.mark.parametrize("damage", ["", "{", '{"name": "x"}', "null"])
def test_a_damaged_manifest_is_named(repository: BackupRepository, damage: str) -> None:
    repository.write_manifest(make_manifest(repository, "2026-01-01T000000.000Z"))
    (repository.directory / "snapshots" / "2026-01-01T000000.000Z.json").write_text(damage)
    with pytest.raises(BackupDamaged, match=r"2026-01-01T000000.000Z.json is damaged"):
        repository.read_manifest()


@pytest.mark.parametrize("path", ["../token", "/etc/passwd", "a/../../b"])
def test_a_manifest_writes_nothing_outside_the_home(
    repository: BackupRepository, path: str
) -> None:
    token = repository.put_bytes(b"token")
    manifest = make_manifest(repository, "2026", HomeFile(path="token", file=token))
    content = json.loads(manifest.model_dump_json())
    content["home"][0]["path"] = path
    (repository.directory / "snapshots" / "2026.json").write_text(json.dumps(content))
    with pytest.raises(BackupDamaged, match="inside the home"):
        repository.read_manifest()


@pytest.mark.parametrize("names", [(), ("lost+found",), (".partial", "lost+found")])
def test_a_new_file_system_and_what_a_killed_first_backup_left_are_empty(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    if ".partial" in names:
        (tmp_path / ".partial" / "tmp1").write_text('{"crypto-')
    repository = BackupRepository(tmp_path)
    repository.create()
    assert repository.read(repository.put_bytes(b"candles")) == b"candles"
    repository.require_backups()


def test_the_directory_is_one_of_backups_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, or a kill, leaves no marker that is cut short and refuses the next backup."""
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail_on_a_full_disk)
        with pytest.raises(OSError, match="full"):
            BackupRepository(tmp_path).create()
    assert not (tmp_path / "backup.json").exists()
    BackupRepository(tmp_path).create()
    BackupRepository(tmp_path).require_backups()


def fail_on_a_full_disk(_handle: int) -> None:
    raise OSError("the disk is full")


def test_two_first_backups_at_once_share_one_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one, which has seen no marker either, does not replace that of the first."""
    first, second = BackupRepository(tmp_path), BackupRepository(tmp_path)
    write = BackupRepository._write_marker

    def write_later(repository: BackupRepository) -> None:
        if repository is second:
            monkeypatch.undo()
            first.create()
            stack.enter_context(first.lock())
        write(repository)

    with ExitStack() as stack:
        monkeypatch.setattr(BackupRepository, "_write_marker", write_later)
        second.create()
        with pytest.raises(WrongUse, match="another backup"), second.lock():
            pass


def test_a_copy_is_private_from_the_beginning(
    repository: BackupRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the umask is, and although an interrupted restore has left a readable file."""
    stored = repository.put_bytes(b"token")
    (tmp_path / ".token.part").write_bytes(b"tok")
    modes: list[int] = []
    copy = shutil.copyfileobj

    def record_mode(source: Any, target: Any, *rest: Any) -> None:
        modes.append(os.fstat(target.fileno()).st_mode & 0o777)
        copy(source, target, *rest)

    monkeypatch.setattr(shutil, "copyfileobj", record_mode)
    previous = os.umask(0)
    try:
        repository.copy_to(stored, tmp_path / "token")
    finally:
        os.umask(previous)
    assert modes == [0o600]
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "token").read_bytes() == b"token"
    assert not (tmp_path / ".token.part").exists()


def list_used_files(repository: BackupRepository, digit: str) -> Iterator[str]:
    for name in repository.list_names():
        for file in repository.read_manifest(name).list_files():
            if file.sha256.startswith(digit):
                yield file.sha256


def test_files_that_no_kept_backup_has_are_deleted(repository: BackupRepository) -> None:
    files: list[StoredFile] = []
    for number in range(3):
        files.append(repository.put_bytes(bytes([number])))
        own = HomeFile(path="token", file=files[-1])
        repository.write_manifest(make_manifest(repository, f"2026-01-0{number}", own))
    killed = repository.put_bytes(b"of a killed backup")
    assert repository.delete_old(2) == ["2026-01-00"]
    assert repository.delete_unused_files(partial(list_used_files, repository)) == 2
    assert [repository.contains(file) for file in (*files, killed)] == [False, True, True, False]
