"""The directory lake: errors of the file system, and cleanup."""

import subprocess
import sys
from pathlib import Path

import pytest

from crypto_assets.errors import LakeRefused
from crypto_assets.lake import directory_lake, open_lake
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
