"""The lake in an S3 bucket: rows, source and fetch time stand in each object's metadata."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from crypto_assets.errors import LakeError, ObjectMissing
from crypto_assets.lake.interface import (
    MARKER_KEY,
    PROBE_KEY,
    Entry,
    Lake,
    ObjectInfo,
    S3Options,
    checked_key,
    is_hidden,
    rows_of,
    source_of,
)
from crypto_assets.lake.s3_bucket import CONNECTIONS, Bucket, Standing
from crypto_assets.market.lake_object import Source

_PUT_ATTEMPTS = 20


class S3Lake(Lake):
    """A put is conditional where the server honours that, so no two writers pass each other.

    Elsewhere it asks first, and two writers of one key at one moment may.
    """

    def __init__(self, bucket: str, options: S3Options) -> None:
        self.bucket = bucket
        self.url = f"s3://{bucket}"
        self._objects = Bucket(bucket, options)

    def put(self, key: str, body: bytes, *, fetched_at: int, source: Source, rows: int) -> bool:
        metadata = {"rows": str(rows), "source": str(source), "fetched-at": str(fetched_at)}
        checked_key(key)
        # Where conditions count, the common case, a key that is still free, costs one request.
        standing = None if self._objects.honours_conditions else self._objects.head(key)
        for _ in range(_PUT_ATTEMPTS):
            if standing and self._rank(key, standing) > (rows, fetched_at):
                return False
            if self._objects.put(key, body, metadata, self._condition(standing)):
                return True
            standing = self._objects.head(key)
        raise LakeError(f"{key} in {self.url} was replaced by others at every attempt")

    def read(self, key: str) -> tuple[ObjectInfo, bytes]:
        standing, body = self._objects.get(checked_key(key))
        return _info(key, standing), body

    def head(self, key: str) -> ObjectInfo | None:
        standing = self._objects.head(checked_key(key))
        return _info(key, standing) if standing else None

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        for page in self._objects.pages(prefix):
            yield from (entry for entry in page if not is_hidden(entry.key))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        with ThreadPoolExecutor(CONNECTIONS // 2) as pool:
            for page in self._objects.pages(prefix):
                keys = [entry.key for entry in page if not is_hidden(entry.key)]
                found = zip(keys, pool.map(self._objects.head, keys), strict=True)
                yield from (_info(key, standing) for key, standing in found if standing)

    def delete(self, keys: Iterable[str]) -> None:
        self._objects.delete([checked_key(key) for key in keys])

    def create(self) -> None:
        self._objects.create()

    def check(self) -> None:
        self._objects.look()
        self._objects.put(PROBE_KEY, b"")

    def _read_marker(self) -> bytes | None:
        try:
            return self._objects.get(MARKER_KEY)[1]
        except ObjectMissing:
            return None

    def _write_marker(self, body: bytes, replacing: bytes | None) -> None:
        standing = None
        if replacing is not None:
            with suppress(ObjectMissing):
                standing, found = self._objects.get(MARKER_KEY)
                if found != replacing:
                    return
        self._objects.put(MARKER_KEY, body, condition=self._condition(standing))

    def _condition(self, standing: Standing | None) -> dict[str, str]:
        """What must hold for a put: that the object seen still stands, or still none."""
        if not self._objects.honours_conditions:
            return {}
        return {"IfMatch": standing.etag} if standing else {"IfNoneMatch": "*"}

    def _rank(self, key: str, standing: Standing) -> tuple[int, int]:
        """Rows and fetch time of an object that stands; what has no count is counted.

        Without a fetch time of its own it yields to any that holds as much.
        """
        info = _info(key, standing)
        try:
            rows = rows_of(info, b"" if info.rows is not None else self.get(key))
        except ObjectMissing:
            rows = 0
        return rows, info.fetched_at if "fetched-at" in standing.metadata else 0


def _info(key: str, standing: Standing) -> ObjectInfo:
    """What the metadata lacks comes from the object's own time and from its key."""
    said = standing.metadata
    rows, source, fetched_at = (said.get(name, "") for name in ("rows", "source", "fetched-at"))
    return ObjectInfo(
        key=key,
        size_bytes=standing.size_bytes,
        fetched_at=int(fetched_at) if fetched_at.isdigit() else standing.modified_at,
        source=Source(source) if source in set(Source) else source_of(key),
        rows=int(rows) if rows.isdigit() else None,
    )
