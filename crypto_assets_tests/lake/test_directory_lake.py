"""The directory lake: errors of the file system, and cleanup."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crypto_assets.errors import LakeRefused, ObjectMissing
from crypto_assets.lake import directory_lake, open_lake
from crypto_assets.lake.directory_lake import DirectoryLake
from crypto_assets.market.lake_object import Source

KEY = "2025-01-01/BTCUSDT_klines_1735689600000-1735689660000_rest.json"


def test_the_error_for_a_directory_that_cannot_be_created_has_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    lake = open_lake(str(tmp_path / "file" / "raw"))
    with pytest.raises(LakeRefused, match=r"cannot create the lake .*file/raw: Not a directory"):
        lake.create_storage()
    with pytest.raises(LakeRefused, match="run `crypto-assets init`"):
        lake.check_writable()


def test_the_error_for_a_directory_that_cannot_be_written_has_the_reason(tmp_path: Path) -> None:
    lake = open_lake(str(tmp_path / "raw"))
    (tmp_path / "raw").mkdir()
    # This stops root too, unlike permissions.
    (tmp_path / "raw" / ".incoming").write_text("in the way")
    with pytest.raises(LakeRefused, match=r"cannot write the lake .*raw"):
        lake.check_writable()
    with pytest.raises(LakeRefused, match=r"cannot write the lake .*raw"):
        lake.put(KEY, b"[]", fetched_at=1, source=Source.REST, rows=0)


def test_the_modification_time_is_the_fetch_time_and_survives_a_move(tmp_path: Path) -> None:
    lake = open_lake(str(tmp_path / "raw"))
    lake.create_storage()
    lake.put(KEY, b"[[1]]", fetched_at=1735689661234, source=Source.REST, rows=1)
    assert (tmp_path / "raw" / KEY).stat().st_mtime_ns == 1735689661234 * 1_000_000
    (tmp_path / "raw").rename(tmp_path / "moved")
    moved = open_lake(str(tmp_path / "moved"))
    assert [entry.stored_at for entry in moved.list_entries()] == [1735689661234]
    info = moved.get_info(KEY)
    assert info is not None and info.fetched_at == 1735689661234


def test_old_files_of_killed_writers_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = open_lake(str(tmp_path / "raw"))
    lake.create_storage()
    left = tmp_path / "raw" / ".incoming" / "half-an-object"
    left.write_bytes(b"[[1],")
    lake.create_storage()
    assert left.exists()
    monkeypatch.setattr(directory_lake, "_ABANDONED_SECONDS", -1.0)
    lake.create_storage()
    assert not left.exists()


def test_a_file_system_without_links_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    lake = open_lake(str(tmp_path / "raw"))
    lake.create_storage()
    assert lake.put(KEY, b"[[1],[2]]", fetched_at=1, source=Source.REST, rows=2)
    assert not lake.put(KEY, b"[[1]]", fetched_at=1, source=Source.REST, rows=1)
    assert lake.get(KEY) == b"[[1],[2]]"


def test_the_last_objects_folder_is_deleted_with_it(tmp_path: Path) -> None:
    lake = open_lake(str(tmp_path / "raw"))
    lake.create_storage()
    lake.put(KEY, b"[[1]]", fetched_at=1, source=Source.REST, rows=1)
    lake.delete([KEY])
    assert not (tmp_path / "raw" / "2025-01-01").exists()


def test_an_invalid_file_under_a_key_is_replaced(tmp_path: Path) -> None:
    lake = open_lake(str(tmp_path / "raw"))
    lake.create_storage()
    (tmp_path / "raw" / "2025-01-01").mkdir()
    (tmp_path / "raw" / KEY).write_bytes(b"[[1],[2],[3")
    assert lake.put(KEY, b"[[1]]", fetched_at=1, source=Source.REST, rows=1)
    assert lake.get(KEY) == b"[[1]]"


def test_the_s3_client_is_not_loaded_for_a_directory(tmp_path: Path) -> None:
    opens_lake = (
        "import sys; from crypto_assets.lake import open_lake; open_lake(sys.argv[1]);"
        " sys.exit('boto3' in sys.modules)"
    )
    for url, code in ((str(tmp_path), 0), ("s3://bucket", 1)):
        assert subprocess.run([sys.executable, "-c", opens_lake, url]).returncode == code


def test_links_that_lead_back_and_files_that_are_no_files_are_skipped_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "old"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.json").write_text("[]")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "deep" / "up").symlink_to(folder, target_is_directory=True)
    (folder / "self").symlink_to(folder / "self")
    (folder / "gone").symlink_to(folder / "nowhere")
    (folder / "zero.json").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.json")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(folder / "s.json"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.json").write_text("[]")
    (folder / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    lake = DirectoryLake(folder)
    assert [entry.key for entry in lake.list_entries()] == ["a.json", "linked/b.json"]
    for name, reason in {
        "loop": "a link to a folder above it",
        "deep/up": "a link to a folder above it",
        "self": "a link to itself",
        "zero.json": "not a regular file",
        "pipe.json": "not a regular file",
        "s.json": "not a regular file",
    }.items():
        assert f"skipped {folder / name}: it is {reason}" in caplog.text
    for name in ("pipe.json", "zero.json"):
        with pytest.raises(ObjectMissing):
            lake.get(name)


def test_a_folder_below_many_others_is_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A thousand would end in a RecursionError, also when pytest deletes them."""
    deep = str(tmp_path)
    for _ in range(200):
        deep += "/d"
        os.mkdir(deep)  # noqa: PTH102 - pathlib makes parents by recursion
    (tmp_path / "a.json").write_text("[]")
    assert [entry.key for entry in DirectoryLake(tmp_path).list_entries()] == ["a.json"]
    assert "below more than 64 folders" in caplog.text


def test_the_fetch_time_of_another_users_object_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group may write the directory, but only the owner of a file may set its times."""
    lake = open_lake(str(tmp_path / "raw"))
    lake.create_storage()
    lake.put(KEY, b"[[1]]", fetched_at=2_000, source=Source.REST, rows=1)
    set_times = os.utime

    def refuse_paths(target: object, **options: Any) -> None:
        if not isinstance(target, int):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        set_times(target, **options)

    monkeypatch.setattr(os, "utime", refuse_paths)
    lake.change_fetch_time(KEY, 2_000, 1_000)
    info, body = lake.get_with_info(KEY)
    assert (info.fetched_at, body) == (1_000, b"[[1]]")
    assert [path.name for path in (tmp_path / "raw" / ".incoming").iterdir()] == [".lock"]
