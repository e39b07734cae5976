"""The lake in a directory: one file per object, with its fetch time as modification time."""

import errno
import fcntl
import logging
import os
import random
import stat
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from crypto_assets.addresses import expand_user
from crypto_assets.errors import LakeError, LakeRefused, ObjectMissing
from crypto_assets.lake.interface import (
    MARKER_KEY,
    PROBE_KEY,
    Lake,
    LakeEntry,
    ObjectInfo,
    is_reserved_key,
    require_valid_key,
    source_from_key,
)
from crypto_assets.lake.object_codec import count_rows
from crypto_assets.market.lake_object import Source
from crypto_assets.market.utc_time import now_ms
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames

# Files are written here, then atomically linked or renamed to their keys.
_INCOMING = ".incoming"
_KERNEL_LOCK_NAME = ".lock"
# The lock on a share without file locks: the process that creates this file owns the lock.
_LOCK_FILE_NAME = ".locked"
# The file exists, or the file system does not support links: then `_replace_if_outranked` decides.
_NOT_LINKED = {errno.EEXIST, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS}
# The errors of shares for calls that they do not support.
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_NO_FOLDER_SYNC = _NO_SYNC | {errno.EBADF}
_NO_LOCKS = {errno.ENOLCK, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
# A lock lasts as long as the read of an object; an older lock file is that of a killed writer.
_ABANDONED_LOCK_SECONDS = 120.0
_LOCK_WAIT_SECONDS = 0.02
_ABANDONED_SECONDS = 3600.0
_PUT_ATTEMPTS = 20
# Keys of this layout have one.
_MAX_FOLDERS = 64

_log = logging.getLogger(__name__)


class DirectoryLake(Lake):
    """Objects as files in a POSIX directory on one file system.

    A share without file locks or fsync works too; each process then logs one warning.

    A put writes and syncs a staged file, then links it to its key, which fails if the key exists.
    Only then it takes a lock, to compare and replace. A killed writer leaves no partial object.

    Files and folders get the permissions of the directory, whatever the umask is: who may read or
    write the directory, such as a group, may do so with every object.
    """

    def __init__(self, directory: Path, names: SettingNames = DEFAULT_NAMES) -> None:
        super().__init__(names)
        self.directory = expand_user(directory).absolute()
        self.url = str(self.directory)
        self.bucket = self.directory.name
        self._incoming = self.directory / _INCOMING

    def put(self, key: str, body: bytes, *, fetched_at: int, source: Source, rows: int) -> bool:
        target = self.directory / require_valid_key(key)
        with self._translate_os_errors("write"), self._stage_file(body, fetched_at) as staged:
            for _ in range(_PUT_ATTEMPTS):
                self._make_folder(target.parent)
                # A concurrent delete of the folder's last object removes the folder.
                with suppress(FileNotFoundError):
                    stored = _link_file(staged, target) or self._replace_if_outranked(
                        staged, target, (rows, fetched_at)
                    )
                    if stored:
                        self._sync_folder(target.parent)
                    return stored
        raise LakeError(f"{key}: its folder in {self.url} is deleted repeatedly")

    def get_with_info(self, key: str) -> tuple[ObjectInfo, bytes]:
        with self._translate_os_errors("read"):
            path = self.directory / require_valid_key(key)
            try:
                with open(path, "rb", opener=_open_without_waiting) as file:
                    file_stat = os.fstat(file.fileno())
                    if stat.S_ISREG(file_stat.st_mode):
                        return _info_from_stat(key, file_stat), file.read()
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                pass
        raise ObjectMissing(f"the lake {self.url} has no object {key}")

    def get_info(self, key: str) -> ObjectInfo | None:
        path = self.directory / require_valid_key(key)
        with self._translate_os_errors("read"):
            try:
                return _info_from_stat(key, path.stat()) if path.is_file() else None
            except FileNotFoundError:
                return None

    def list_entries(self, prefix: str = "", after: str = "") -> Iterator[LakeEntry]:
        self._require_directory()
        with self._translate_os_errors("read"):
            for key, file_stat in _walk_files(self.directory, "", prefix, after):
                yield LakeEntry(key, file_stat.st_size, _modified_at_ms(file_stat))

    def delete(self, keys: Iterable[str]) -> None:
        with self._translate_os_errors("write"):
            for key in keys:
                path = self.directory / require_valid_key(key)
                with suppress(FileNotFoundError, NotADirectoryError):
                    path.unlink()
                # The folder may contain objects, or be removed or filled by another process.
                with suppress(OSError):
                    if path.parent != self.directory:
                        path.parent.rmdir()

    def change_fetch_time(self, key: str, old: int, new: int) -> None:
        path = self.directory / require_valid_key(key)
        with (
            self._translate_os_errors("write"),
            self._hold_lock(),
            suppress(FileNotFoundError, NotADirectoryError),
        ):
            if _modified_at_ms(path.stat()) == old:
                self._set_fetch_time(path, new)

    def _set_fetch_time(self, path: Path, fetched_at: int) -> None:
        """Set an object's fetch time; an object of another user is replaced by a copy.

        A user who may write the directory may replace its files, but not set their times.
        """
        try:
            os.utime(path, ns=(fetched_at * 1_000_000,) * 2)
        except PermissionError:
            with self._stage_file(path.read_bytes(), fetched_at) as staged:
                staged.replace(path)
                self._sync_folder(path.parent)

    def create_storage(self) -> None:
        with self._translate_os_errors("create"):
            self.directory.mkdir(parents=True, exist_ok=True)
            self._make_folder(self._incoming)
            self._remove_abandoned_files()

    def check_writable(self) -> None:
        with self._translate_os_errors("write"), self._stage_file(b"", now_ms()) as staged:
            staged.replace(self.directory / PROBE_KEY)

    def _read_marker(self) -> bytes | None:
        with self._translate_os_errors("read"), suppress(FileNotFoundError):
            return (self.directory / MARKER_KEY).read_bytes()
        return None

    def _write_marker(self, body: bytes, replacing: bytes | None) -> None:
        target = self.directory / MARKER_KEY
        with (
            self._translate_os_errors("write"),
            self._stage_file(body, now_ms()) as staged,
            self._hold_lock(),
        ):
            if self._read_marker() == replacing:
                staged.replace(target)
                self._sync_folder(self.directory)

    @contextmanager
    def _stage_file(self, body: bytes, fetched_at: int) -> Iterator[Path]:
        """Write the body to a synced temporary file with the fetch time."""
        self._require_directory()
        self._make_folder(self._incoming)
        staged = self._incoming / uuid.uuid4().hex
        try:
            with staged.open("wb") as file:
                file.write(body)
                file.flush()
                os.utime(file.fileno(), ns=(fetched_at * 1_000_000,) * 2)
                self._copy_permissions(file.fileno(), 0o666)
                self._fsync_handle(file.fileno(), _NO_SYNC)
            yield staged
        finally:
            staged.unlink(missing_ok=True)

    def _replace_if_outranked(self, staged: Path, target: Path, rank: tuple[int, int]) -> bool:
        """Replace the target unless its rank, rows and fetch time, is higher."""
        with self._hold_lock():
            if target.exists() and _read_rank(target) > rank:
                return False
            staged.replace(target)
            return True

    @contextmanager
    def _hold_lock(self) -> Iterator[None]:
        """Lock replacements among all processes. The kernel frees the lock of a killed process."""
        with (self._incoming / _KERNEL_LOCK_NAME).open("wb") as lock:
            self._copy_permissions(lock.fileno(), 0o666)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
                _warn_of_locks(self.url, error.strerror or "")
                with self._hold_lock_file():
                    yield
            else:
                yield

    @contextmanager
    def _hold_lock_file(self) -> Iterator[None]:
        """Lock by a file that only one writer can create.

        A killed writer leaves its file, which is deleted when it has not changed for a while by
        this process's clock; the share's clock may differ.
        """
        path = self._incoming / _LOCK_FILE_NAME
        last, since = _file_identity(path), time.monotonic()
        while not _create_exclusively(path):
            time.sleep(random.uniform(0, _LOCK_WAIT_SECONDS))  # noqa: S311 - no secret  # nosec B311
            now = _file_identity(path)
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > _ABANDONED_LOCK_SECONDS:
                path.unlink(missing_ok=True)
        created = _file_identity(path)
        try:
            yield
        finally:
            # Another process owns the file if this one was suspended so long that it seemed killed.
            if _file_identity(path) == created:
                path.unlink(missing_ok=True)

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            self._copy_permissions(folder, 0o2777)
            self._sync_folder(folder.parent)

    def _copy_permissions(self, target: Path | int, mask: int) -> None:
        """Give a path or open file those permissions of the directory that `mask` has."""
        # Another user owns it, or the file system has no permissions.
        with suppress(OSError):
            mode = self.directory.stat().st_mode & mask
            if isinstance(target, int):
                os.fchmod(target, mode)
            else:
                target.chmod(mode)

    def _sync_folder(self, folder: Path) -> None:
        """Flush the folder's entries to disk."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            self._fsync_handle(handle, _NO_FOLDER_SYNC)
        finally:
            os.close(handle)

    def _fsync_handle(self, handle: int, unsupported: set[int]) -> None:
        """Flush to disk, where the file system supports it."""
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in unsupported:
                raise
            _warn_of_sync(self.url, error.strerror or "")

    def _remove_abandoned_files(self) -> None:
        """Delete the staged files of killed writers."""
        for path in self._incoming.iterdir():
            # Another process deletes it, or another user owns it.
            with suppress(FileNotFoundError, PermissionError):
                # By change time: the modification time of a file is its fetch time.
                old = time.time() - path.stat().st_ctime > _ABANDONED_SECONDS
                if old and path.name not in (_KERNEL_LOCK_NAME, _LOCK_FILE_NAME):
                    path.unlink()

    def _require_directory(self) -> None:
        if not self.directory.is_dir():
            raise LakeRefused(f"the lake {self.url} does not exist: {self.names.restore_lake}")

    @contextmanager
    def _translate_os_errors(self, verb: str) -> Iterator[None]:
        """Convert an OSError to a LakeRefused that names the lake."""
        try:
            yield
        except OSError as error:
            raise LakeRefused(
                f"cannot {verb} the lake {self.url}: {error.strerror}; "
                "fix that directory or set another lake"
            ) from error


def _link_file(staged: Path, target: Path) -> bool:
    """Link a file. Returns False if the target exists or links are not supported."""
    try:
        target.hardlink_to(staged)
    except OSError as error:
        if error.errno in _NOT_LINKED:
            return False
        raise
    return True


def _read_rank(path: Path) -> tuple[int, int]:
    return count_rows(path.read_bytes()), _modified_at_ms(path.stat())


def _create_exclusively(path: Path) -> bool:
    """Create a file. Returns False if it exists."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True


def _file_identity(path: Path) -> tuple[int, int] | None:
    """Return an id that differs for each file created at the path, or None without a file."""
    try:
        file_stat = path.stat()
    except FileNotFoundError:
        return None
    return file_stat.st_ino, file_stat.st_mtime_ns


@cache
def _warn_of_sync(url: str, why: str) -> None:
    _log.warning(
        "the file system of the lake %s does not support fsync (fsync: %s): after a power failure "
        "there, the newest objects may be missing; a local disk or S3 is safer",
        url,
        why,
    )


@cache
def _warn_of_locks(url: str, why: str) -> None:
    _log.warning(
        "the file system of the lake %s has no file locks (flock: %s): a lock file replaces them; "
        "for more than a few writers a local disk or S3 is faster",
        url,
        why,
    )


def _info_from_stat(key: str, file_stat: os.stat_result) -> ObjectInfo:
    return ObjectInfo(key, file_stat.st_size, _modified_at_ms(file_stat), source_from_key(key))


def _modified_at_ms(file_stat: os.stat_result) -> int:
    return file_stat.st_mtime_ns // 1_000_000


def _walk_files(
    folder: Path, name: str, prefix: str, after: str, above: tuple[tuple[int, int], ...] = ()
) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the regular files in a folder by key; `name` is the folder's key with a slash.

    Folders without a key that begins with `prefix` and is greater than `after` are not read. Links
    are followed. `above` identifies the folders that contain this one: a link to one of them is
    skipped with a warning, and so is a folder below too many others.
    """
    try:
        folder_stat = folder.stat()
        with os.scandir(folder) as entries:
            items = [(f"{name}{item.name}{'/' * _is_folder(item)}", item) for item in entries]
    except (FileNotFoundError, NotADirectoryError):
        return
    identity = folder_stat.st_dev, folder_stat.st_ino
    if identity in above:
        return _warn_of_skipped(folder, "it is a link to a folder above it")
    if len(above) > _MAX_FOLDERS:
        return _warn_of_skipped(folder, f"it is below more than {_MAX_FOLDERS} folders")
    for key, item in sorted(items, key=lambda pair: pair[0]):
        if is_reserved_key(key):
            continue
        if key.endswith("/"):
            is_ahead = key > after or after.startswith(key)
            if is_ahead and (key.startswith(prefix) or prefix.startswith(key)):
                yield from _walk_files(Path(item.path), key, prefix, after, (*above, identity))
        elif key > after and key.startswith(prefix) and (file_stat := _stat_regular_file(item)):
            yield key, file_stat


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:  # a link to itself
        return False


def _stat_regular_file(item: os.DirEntry[str]) -> os.stat_result | None:
    """Return the file's status; None for what is gone or not a regular file."""
    try:
        found = item.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        _warn_of_skipped(Path(item.path), "it is a link to itself")
        return None
    if stat.S_ISREG(found.st_mode):
        return found
    # To read a pipe or a device could wait forever.
    _warn_of_skipped(Path(item.path), "it is not a regular file")
    return None


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file; unlike a plain open, this does not wait for the writer of a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


@cache
def _warn_of_skipped(path: Path, why: str) -> None:
    _log.warning("skipped %s: %s", path, why)
