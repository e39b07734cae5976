"""The lake in an S3 bucket: rows, source and fetch time stand in each object's metadata."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from crypto_assets.errors import LakeError, ObjectMissing
from crypto_assets.lake.interface import (
    MARKER_KEY,
    PROBE_KEY,
    Lake,
    LakeEntry,
    ObjectInfo,
    S3Options,
    is_reserved_key,
    require_valid_key,
    resolve_row_count,
    source_from_key,
)
from crypto_assets.lake.s3_bucket import MAX_CONNECTIONS, ObjectHeaders, S3Bucket
from crypto_assets.market.lake_object import Source

_PUT_ATTEMPTS = 20


class S3Lake(Lake):
    """A put is conditional where the server honours that, so no two writers pass each other.

    Elsewhere it asks first, and two writers of one key at one moment may.
    """

    def __init__(self, bucket: str, options: S3Options) -> None:
        self.bucket = bucket
        self.url = f"s3://{bucket}"
        self._objects = S3Bucket(bucket, options)

    def put(self, key: str, body: bytes, *, fetched_at: int, source: Source, rows: int) -> bool:
        metadata = {"rows": str(rows), "source": str(source), "fetched-at": str(fetched_at)}
        require_valid_key(key)
        # Where conditions count, the common case, a key that is still free, costs one request.
        standing = (
            None if self._objects.supports_conditional_put else self._objects.head_object(key)
        )
        for _ in range(_PUT_ATTEMPTS):
            if standing and self._read_rank(key, standing) > (rows, fetched_at):
                return False
            if self._objects.put(key, body, metadata, self._build_condition(standing)):
                return True
            standing = self._objects.head_object(key)
        raise LakeError(f"{key} in {self.url} was replaced by others at every attempt")

    def get_with_info(self, key: str) -> tuple[ObjectInfo, bytes]:
        standing, body = self._objects.get(require_valid_key(key))
        return _info_from_headers(key, standing), body

    def get_info(self, key: str) -> ObjectInfo | None:
        standing = self._objects.head_object(require_valid_key(key))
        return _info_from_headers(key, standing) if standing else None

    def list_entries(self, prefix: str = "") -> Iterator[LakeEntry]:
        for page in self._objects.list_pages(prefix):
            yield from (entry for entry in page if not is_reserved_key(entry.key))

    def list_with_info(self, prefix: str = "") -> Iterator[ObjectInfo]:
        with ThreadPoolExecutor(MAX_CONNECTIONS // 2) as pool:
            for page in self._objects.list_pages(prefix):
                keys = [entry.key for entry in page if not is_reserved_key(entry.key)]
                found = zip(keys, pool.map(self._objects.head_object, keys), strict=True)
                yield from (
                    _info_from_headers(key, standing) for key, standing in found if standing
                )

    def delete(self, keys: Iterable[str]) -> None:
        self._objects.delete([require_valid_key(key) for key in keys])

    def create_storage(self) -> None:
        self._objects.create_bucket()

    def check_writable(self) -> None:
        self._objects.check_listing()
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
        self._objects.put(MARKER_KEY, body, condition=self._build_condition(standing))

    def _build_condition(self, standing: ObjectHeaders | None) -> dict[str, str]:
        """What must hold for a put: that the object seen still stands, or still none."""
        if not self._objects.supports_conditional_put:
            return {}
        return {"IfMatch": standing.etag} if standing else {"IfNoneMatch": "*"}

    def _read_rank(self, key: str, standing: ObjectHeaders) -> tuple[int, int]:
        """Rows and fetch time of an object that stands; what has no count is counted.

        Without a fetch time of its own it yields to any that holds as much.
        """
        info = _info_from_headers(key, standing)
        try:
            rows = resolve_row_count(info, b"" if info.rows is not None else self.get(key))
        except ObjectMissing:
            rows = 0
        return rows, info.fetched_at if "fetched-at" in standing.metadata else 0


def _info_from_headers(key: str, standing: ObjectHeaders) -> ObjectInfo:
    """What the metadata lacks comes from the object's own time and from its key."""
    said = standing.metadata
    rows, source, fetched_at = (said.get(name, "") for name in ("rows", "source", "fetched-at"))
    return ObjectInfo(
        key=key,
        size_bytes=standing.size_bytes,
        fetched_at=int(fetched_at) if fetched_at.isdigit() else standing.modified_at,
        source=Source(source) if source in set(Source) else source_from_key(key),
        rows=int(rows) if rows.isdigit() else None,
    )
