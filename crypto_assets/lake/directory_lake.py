"""The lake in a directory: a file an object, whose time is the time it was fetched."""

import errno
import fcntl
import logging
import os
import random
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
    Entry,
    Lake,
    ObjectInfo,
    checked_key,
    is_hidden,
    source_of,
)
from crypto_assets.lake.object_codec import count_rows
from crypto_assets.market.lake_object import Source
from crypto_assets.market.utc_time import now_ms

# Files are written here, then linked or renamed to their place in one step.
_INCOMING = ".incoming"
_LOCK = ".lock"
# Takes the place of the kernel's lock on a share that has none: whoever creates it holds the lock.
_LOCK_FILE = ".locked"
# A file stands there already, or the file system knows no links: then replacing decides.
_NOT_LINKED = {errno.EEXIST, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS}
# How shares answer to what they do not know.
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_NO_FOLDER_SYNC = _NO_SYNC | {errno.EBADF}
_NO_LOCKS = {errno.ENOLCK, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
# A lock is held for the time of reading one object; a lock file this old is a killed writer's.
_ABANDONED_LOCK_SECONDS = 120.0
_LOCK_WAIT_SECONDS = 0.02
_ABANDONED_SECONDS = 3600.0
_PUT_ATTEMPTS = 20


_log = logging.getLogger(__name__)


class DirectoryLake(Lake):
    """Objects as files under `directory`, POSIX and on one file system.

    On a share that knows no locks or no fsync it works too, and warns once in each process.

    A put writes and syncs a file aside, then links it in, which fails where one stands already;
    only then is a lock taken, to compare and replace. A killed writer leaves nothing under a key.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = expand_user(directory).absolute()
        self.url = str(self.directory)
        self.bucket = self.directory.name
        self._incoming = self.directory / _INCOMING

    def put(self, key: str, body: bytes, *, fetched_at: int, source: Source, rows: int) -> bool:
        target = self.directory / checked_key(key)
        with self._refused("write"), self._staged(body, fetched_at) as staged:
            for _ in range(_PUT_ATTEMPTS):
                self._make_folder(target.parent)
                # The folder may go at any moment: a delete takes the last object's folder along.
                with suppress(FileNotFoundError):
                    stored = _link(staged, target) or self._replace(
                        staged, target, (rows, fetched_at)
                    )
                    if stored:
                        self._sync(target.parent)
                    return stored
        raise LakeError(f"{key}: its folder in {self.url} vanishes as soon as it is made")

    def read(self, key: str) -> tuple[ObjectInfo, bytes]:
        with self._refused("read"):
            try:
                with (self.directory / checked_key(key)).open("rb") as file:
                    return _info(key, os.fstat(file.fileno())), file.read()
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                raise ObjectMissing(f"the lake {self.url} holds no {key}") from None

    def head(self, key: str) -> ObjectInfo | None:
        path = self.directory / checked_key(key)
        with self._refused("read"):
            try:
                return _info(key, path.stat()) if path.is_file() else None
            except FileNotFoundError:
                return None

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        self._demand()
        with self._refused("read"):
            for key, stat in _walk(self.directory, "", prefix):
                yield _info(key, stat)

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        for info in self.list(prefix):
            yield Entry(info.key, info.size_bytes, info.fetched_at)

    def delete(self, keys: Iterable[str]) -> None:
        with self._refused("write"):
            for key in keys:
                path = self.directory / checked_key(key)
                with suppress(FileNotFoundError, NotADirectoryError):
                    path.unlink()
                # Not empty, gone already, or filled again just now: all three may stay so.
                with suppress(OSError):
                    if path.parent != self.directory:
                        path.parent.rmdir()

    def create(self) -> None:
        with self._refused("create"):
            self._incoming.mkdir(parents=True, exist_ok=True)
            self._sweep()

    def check(self) -> None:
        with self._refused("write"), self._staged(b"", now_ms()) as staged:
            staged.replace(self.directory / PROBE_KEY)

    def _read_marker(self) -> bytes | None:
        with self._refused("read"), suppress(FileNotFoundError):
            return (self.directory / MARKER_KEY).read_bytes()
        return None

    def _write_marker(self, body: bytes, replacing: bytes | None) -> None:
        target = self.directory / MARKER_KEY
        with self._refused("write"), self._staged(body, now_ms()) as staged, self._locked():
            if self._read_marker() == replacing:
                staged.replace(target)
                self._sync(self.directory)

    @contextmanager
    def _staged(self, body: bytes, fetched_at: int) -> Iterator[Path]:
        """The body in a file of its own, on the disk, with the time it was fetched."""
        self._demand()
        self._incoming.mkdir(exist_ok=True)
        staged = self._incoming / uuid.uuid4().hex
        try:
            with staged.open("wb") as file:
                file.write(body)
                file.flush()
                os.utime(file.fileno(), ns=(fetched_at * 1_000_000,) * 2)
                self._confirm(file.fileno(), _NO_SYNC)
            yield staged
        finally:
            staged.unlink(missing_ok=True)

    def _replace(self, staged: Path, target: Path, rank: tuple[int, int]) -> bool:
        """`rank` are rows and fetch time; what stands with a higher one stays."""
        with self._locked():
            if target.exists() and _rank(target) > rank:
                return False
            staged.replace(target)
            return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One replacement at a time, among all processes; the kernel frees a killed one's lock."""
        with (self._incoming / _LOCK).open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
                _warn_of_locks(self.url, error.strerror or "")
                with self._locked_by_file():
                    yield
            else:
                yield

    @contextmanager
    def _locked_by_file(self) -> Iterator[None]:
        """The same by a file that one writer alone can create.

        Only a killed writer leaves one; it is taken away when it has not changed for a while, by
        this process's own clock: a share's clock may be another.
        """
        path = self._incoming / _LOCK_FILE
        seen, since = _identity(path), time.monotonic()
        while not _create(path):
            time.sleep(random.uniform(0, _LOCK_WAIT_SECONDS))  # noqa: S311 - no secret
            now = _identity(path)
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > _ABANDONED_LOCK_SECONDS:
                path.unlink(missing_ok=True)
        own = _identity(path)
        try:
            yield
        finally:
            # Another's by now, if this process was stopped for so long that it passed for killed.
            if _identity(path) == own:
                path.unlink(missing_ok=True)

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            self._sync(folder.parent)

    def _sync(self, folder: Path) -> None:
        """Puts the folder's names on the disk."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            self._confirm(handle, _NO_FOLDER_SYNC)
        finally:
            os.close(handle)

    def _confirm(self, handle: int, unknown: set[int]) -> None:
        """Waits until the disk has it, where the file system can say so."""
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in unknown:
                raise
            _warn_of_sync(self.url, error.strerror or "")

    def _sweep(self) -> None:
        """Removes what killed writers left aside."""
        for path in self._incoming.iterdir():
            with suppress(FileNotFoundError):
                # By change time: a file's modification time is the time its content was fetched.
                old = time.time() - path.stat().st_ctime > _ABANDONED_SECONDS
                if old and path.name not in (_LOCK, _LOCK_FILE):
                    path.unlink()

    def _demand(self) -> None:
        if not self.directory.is_dir():
            raise LakeRefused(f"the lake {self.url} does not exist: run `crypto-assets init`")

    @contextmanager
    def _refused(self, verb: str) -> Iterator[None]:
        """The system's refusal as a line that names the lake."""
        try:
            yield
        except OSError as error:
            raise LakeRefused(
                f"cannot {verb} the lake {self.url}: {error.strerror}; "
                "mend that directory or set another lake"
            ) from error


def _link(staged: Path, target: Path) -> bool:
    """True if the file is in its place; False where one stood there, or links are unknown."""
    try:
        target.hardlink_to(staged)
    except OSError as error:
        if error.errno in _NOT_LINKED:
            return False
        raise
    return True


def _rank(path: Path) -> tuple[int, int]:
    return count_rows(path.read_bytes()), path.stat().st_mtime_ns // 1_000_000


def _create(path: Path) -> bool:
    """False where the file is there already."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True


def _identity(path: Path) -> tuple[int, int] | None:
    """Another one for each file that is created under the path; None where there is none."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns


@cache
def _warn_of_sync(url: str, why: str) -> None:
    _log.warning(
        "the file system of the lake %s does not say when data is on its disk (fsync: %s): after a "
        "power failure there, the newest objects may be missing; a local disk or S3 is safer",
        url,
        why,
    )


@cache
def _warn_of_locks(url: str, why: str) -> None:
    _log.warning(
        "the file system of the lake %s has no file locks (flock: %s): a lock file takes their "
        "place; for more than a few writers a local disk or S3 is faster",
        url,
        why,
    )


def _info(key: str, stat: os.stat_result) -> ObjectInfo:
    return ObjectInfo(key, stat.st_size, stat.st_mtime_ns // 1_000_000, source_of(key))


def _walk(folder: Path, name: str, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
    """Files under a folder by key; `name` is the folder's key with its slash."""
    try:
        with os.scandir(folder) as found:
            items = [(f"{name}{item.name}{'/' * item.is_dir()}", item) for item in found]
    except (FileNotFoundError, NotADirectoryError):
        return
    for key, item in sorted(items, key=lambda pair: pair[0]):
        if is_hidden(key):
            continue
        if key.endswith("/"):
            if key.startswith(prefix) or prefix.startswith(key):
                yield from _walk(Path(item.path), key, prefix)
        elif key.startswith(prefix):
            with suppress(FileNotFoundError):
                yield key, item.stat()
