"""A directory of backups: files named by their SHA-256, and one manifest per backup.

    backup.json                              what the directory is, and the version of its format
    files/4f/4f2c…                           content; never changed
    snapshots/2026-11-30T101500.123Z.json    a backup: which file is what; written last
    markets/NAME/                            such a directory for each further market

A file that two backups have in common is stored once. A backup that is killed leaves files without
a manifest, which the next backup uses or deletes.

Nothing is encrypted: the directory contains the tokens and settings of the installation.
"""

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Self

from pydantic import ValidationError

from crypto_assets.backup.manifest import BackupManifest, StoredFile
from crypto_assets.errors import BackupDamaged, WrongUse

FORMAT = 1
_MARKER_NAME = "backup.json"
_MARKER = '{"crypto-assets-backup": 1}\n'
_FILES, _SNAPSHOTS, _MARKETS, _PARTIAL = "files", "snapshots", "markets", ".partial"
# What a directory without backups may contain: a new file system, and a killed first backup.
_UNUSED_NAMES = {"lost+found", _PARTIAL}
_CHUNK_BYTES = 1 << 20


class BackupRepository:
    """The backups in a directory. One process at a time writes: see `lock`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.expanduser().absolute()
        # What this object has stored that the directory did not have.
        self.added_files = 0
        self.added_bytes = 0
        self._counting = Lock()

    def create(self) -> None:
        """Create the directory, private to its owner.

        Raises WrongUse where it contains anything but backups.
        """
        if self.directory.exists() and not self.directory.is_dir():
            raise WrongUse(f"{self.directory} is a file: name a directory for the backups")
        is_new = not (self.directory / _MARKER_NAME).exists()
        names = {path.name for path in self.directory.glob("*")}
        if is_new and names - _UNUSED_NAMES:
            raise WrongUse(
                f"{self.directory} is not empty and contains no backups: name another directory"
            )
        for folder in (self.directory, self.directory / _PARTIAL):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if is_new:
            self._write_marker()
        self._require_marker()
        for name in (_FILES, _SNAPSHOTS):
            (self.directory / name).mkdir(mode=0o700, exist_ok=True)

    def of_market(self, name: str) -> Self:
        """Return the directory of a further market's backups. Raises WrongUse for a bad name."""
        if not re.fullmatch(r"\w+", name):
            raise WrongUse(f"{name!r} is not the name of a market")
        return type(self)(self.directory / _MARKETS / name)

    def list_markets(self) -> list[str]:
        """List the further markets that have a backup in the directory."""
        folders = sorted((self.directory / _MARKETS).glob("*/"))
        return [folder.name for folder in folders if (folder / _MARKER_NAME).is_file()]

    def require_backups(self) -> None:
        """Raise WrongUse unless the directory contains backups of a known format."""
        if not (self.directory / _MARKER_NAME).is_file():
            raise WrongUse(f"{self.directory} contains no backups of crypto-assets")
        self._require_marker()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only process that writes. The kernel releases the lock of a killed process.

        Raises WrongUse while another process writes or restores.
        """
        with self._hold_lock(fcntl.LOCK_EX):
            yield

    @contextmanager
    def lock_for_reading(self) -> Iterator[None]:
        """Let no process change or delete backups meanwhile; the directory may be read-only.

        Raises WrongUse while another process writes.
        """
        with self._hold_lock(fcntl.LOCK_SH):
            yield

    def put_bytes(self, content: bytes, rows: int | None = None) -> StoredFile:
        """Store content, unless the directory has it already and undamaged."""
        stored = StoredFile(
            sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content), rows=rows
        )
        if self._find_problem(stored):
            with self.open_partial() as partial:
                partial.write_bytes(content)
                self._keep(partial, stored)
        return stored

    def put_file(self, path: Path, rows: int | None = None) -> StoredFile:
        """Store a file of `open_partial`, or delete it if the directory has its content."""
        stored = StoredFile(sha256=_hash_file(path), size_bytes=path.stat().st_size, rows=rows)
        if self._find_problem(stored):
            self._keep(path, stored)
        return stored

    @contextmanager
    def open_partial(self) -> Iterator[Path]:
        """Give the path of a new temporary file of the directory, which is deleted afterwards."""
        handle, name = tempfile.mkstemp(dir=self.directory / _PARTIAL)
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def contains(self, stored: StoredFile) -> bool:
        """Return whether a file of this name and size exists: a power cut may have cut it short."""
        try:
            return self.get_path(stored).stat().st_size == stored.size_bytes
        except FileNotFoundError:
            return False

    def get_path(self, stored: StoredFile) -> Path:
        """Return where the directory stores a file."""
        return self.directory / _FILES / stored.sha256[:2] / stored.sha256

    def is_intact(self, stored: StoredFile) -> bool:
        """Return whether the directory has a file with this content; reads all of it."""
        return self._find_problem(stored) is None

    def require_intact(self, stored: StoredFile) -> Path:
        """Return the path of a file. Raises BackupDamaged where it is missing or changed."""
        if problem := self._find_problem(stored):
            raise BackupDamaged(f"{self.get_path(stored)} {problem}: restore another backup")
        return self.get_path(stored)

    def read(self, stored: StoredFile) -> bytes:
        """Return the content of a file. Raises BackupDamaged where it is missing or changed."""
        return self.require_intact(stored).read_bytes()

    def copy_to(self, stored: StoredFile, target: Path) -> None:
        """Copy a file, atomically and private to its owner from the beginning.

        Raises BackupDamaged where it is missing or changed.
        """
        source = self.require_intact(stored)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.part")
        partial.unlink(missing_ok=True)  # of an interrupted restore
        with source.open("rb") as content, open(partial, "xb", opener=_open_private) as copy:
            shutil.copyfileobj(content, copy, _CHUNK_BYTES)
        partial.replace(target)

    def iter_problems(self, files: Iterable[StoredFile]) -> Iterator[str]:
        """Read files, and yield a line for each one that is missing or changed."""
        for stored in files:
            if problem := self._find_problem(stored):
                yield f"{self.get_path(stored).relative_to(self.directory)} {problem}"

    def list_names(self) -> list[str]:
        """List the names of the complete backups, oldest first."""
        return sorted(path.stem for path in (self.directory / _SNAPSHOTS).glob("*.json"))

    def read_manifest(self, name: str | None = None) -> BackupManifest:
        """Read a backup's manifest, of the newest one without a name.

        Raises WrongUse for an unknown name and a newer format, BackupDamaged for a bad manifest.
        """
        names = self.list_names()
        if not names:
            raise WrongUse(f"{self.directory} contains no complete backup")
        name = name or names[-1]
        if name not in names:
            raise WrongUse(
                f"{self.directory} has no backup {name!r}: it has {', '.join(names[-5:])}"
            )
        path = self.directory / _SNAPSHOTS / f"{name}.json"
        try:
            return BackupManifest.model_validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise BackupDamaged(
                f"{path} is damaged ({place or 'its JSON'}: {first['msg']}): restore another backup"
            ) from None

    def write_manifest(self, manifest: BackupManifest) -> None:
        """Complete a backup: its files reach the disk before its manifest does."""
        os.sync()
        target = self.directory / _SNAPSHOTS / f"{manifest.name}.json"
        with self.open_partial() as partial:
            with partial.open("w", encoding="utf-8") as file:
                file.write(manifest.model_dump_json(indent=1))
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        os.sync()

    def delete_old(self, keep: int) -> list[str]:
        """Delete all but the newest `keep` backups, and return their names."""
        old = self.list_names()[:-keep]
        for name in old:
            (self.directory / _SNAPSHOTS / f"{name}.json").unlink()
        return old

    def delete_unused_files(self, list_used: Callable[[str], Iterable[str]]) -> int:
        """Delete the files that no backup has, such as those of a killed one; return how many.

        `list_used` returns the SHA-256 of those that backups have and that begin with a digit. One
        digit at a time, so that the names of all need not fit into the memory.
        """
        count = 0
        for digit in "0123456789abcdef":
            names = set(list_used(digit))
            for path in (self.directory / _FILES).glob(f"{digit}?/*"):
                if path.name not in names:
                    path.unlink()
                    count += 1
        for path in (self.directory / _PARTIAL).glob("tmp*"):
            path.unlink(missing_ok=True)
        return count

    @contextmanager
    def _hold_lock(self, kind: int) -> Iterator[None]:
        with (self.directory / _MARKER_NAME).open() as file:
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WrongUse(
                    f"another backup to {self.directory}, or a restore, is running: wait for its "
                    "end"
                ) from None
            yield

    def _write_marker(self) -> None:
        """Write the marker, unless another process was faster: its content appears at once."""
        with self.open_partial() as partial:
            with partial.open("w") as file:
                file.write(_MARKER)
                file.flush()
                os.fsync(file.fileno())
            try:
                (self.directory / _MARKER_NAME).hardlink_to(partial)
            except FileExistsError:
                pass
            except OSError:  # the file system has no links
                partial.replace(self.directory / _MARKER_NAME)

    def _require_marker(self) -> None:
        if (self.directory / _MARKER_NAME).read_text() != _MARKER:
            raise WrongUse(
                f"{self.directory} has backups of another format: install a newer crypto-assets"
            )

    def _keep(self, path: Path, stored: StoredFile) -> None:
        target = self.get_path(stored)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o600)
        path.replace(target)
        with self._counting:
            self.added_files += 1
            self.added_bytes += stored.size_bytes

    def _find_problem(self, stored: StoredFile) -> str | None:
        path = self.get_path(stored)
        try:
            if path.stat().st_size != stored.size_bytes or _hash_file(path) != stored.sha256:
                return "is damaged"
        except FileNotFoundError:
            return "is missing"
        return None


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
