"""The lake in an S3 bucket. Each object's metadata has its rows, source and fetch time."""

from collections.abc import Iterable, Iterator
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
from crypto_assets.lake.s3_bucket import ObjectHeaders, S3Bucket
from crypto_assets.market.lake_object import Source
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames

_PUT_ATTEMPTS = 20


class S3Lake(Lake):
    """A lake whose puts are conditional, so that concurrent writers cannot overwrite each other.

    On a server without conditional puts, a put reads the existing object first; then two
    concurrent writers of one key may overwrite each other.
    """

    def __init__(
        self, bucket: str, options: S3Options, names: SettingNames = DEFAULT_NAMES
    ) -> None:
        super().__init__(names)
        self.bucket = bucket
        self.url = f"s3://{bucket}"
        self._objects = S3Bucket(bucket, options, names)

    def put(self, key: str, body: bytes, *, fetched_at: int, source: Source, rows: int) -> bool:
        metadata = _build_metadata(rows, source, fetched_at)
        require_valid_key(key)
        # With conditional puts the common case, a new key, takes one request.
        existing = (
            None if self._objects.supports_conditional_put else self._objects.head_object(key)
        )
        for _ in range(_PUT_ATTEMPTS):
            if existing and self._read_rank(key, existing) > (rows, fetched_at):
                return False
            if self._objects.put(key, body, metadata, self._build_condition(existing)):
                return True
            existing = self._objects.head_object(key)
        raise LakeError(f"{key} in {self.url} was replaced by other writers at every attempt")

    def get_with_info(self, key: str) -> tuple[ObjectInfo, bytes]:
        existing, body = self._objects.get(require_valid_key(key))
        return _info_from_headers(key, existing), body

    def get_info(self, key: str) -> ObjectInfo | None:
        existing = self._objects.head_object(require_valid_key(key))
        return _info_from_headers(key, existing) if existing else None

    def list_entries(self, prefix: str = "", after: str = "") -> Iterator[LakeEntry]:
        for page in self._objects.list_pages(prefix, after):
            yield from (entry for entry in page if not is_reserved_key(entry.key))

    def delete(self, keys: Iterable[str]) -> None:
        self._objects.delete([require_valid_key(key) for key in keys])

    def change_fetch_time(self, key: str, old: int, new: int) -> None:
        with suppress(ObjectMissing):
            existing, body = self._objects.get(require_valid_key(key))
            info = _info_from_headers(key, existing)
            if info.fetched_at == old:
                rows = resolve_row_count(info, body)
                metadata = _build_metadata(rows, info.source or Source.IMPORT, new)
                self._objects.put(key, body, metadata, self._build_condition(existing))

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
        existing = None
        if replacing is not None:
            with suppress(ObjectMissing):
                existing, content = self._objects.get(MARKER_KEY)
                if content != replacing:
                    return
        self._objects.put(MARKER_KEY, body, condition=self._build_condition(existing))

    def _build_condition(self, existing: ObjectHeaders | None) -> dict[str, str]:
        """Return the condition of a put: the existing object, or none, is still there."""
        if not self._objects.supports_conditional_put:
            return {}
        return {"IfMatch": existing.etag} if existing else {"IfNoneMatch": "*"}

    def _read_rank(self, key: str, existing: ObjectHeaders) -> tuple[int, int]:
        """Return rows and fetch time of an existing object; rows are counted without a count.

        The fetch time is 0 without metadata: any object with as many rows replaces it.
        """
        info = _info_from_headers(key, existing)
        try:
            rows = resolve_row_count(info, b"" if info.rows is not None else self.get(key))
        except ObjectMissing:
            rows = 0
        return rows, info.fetched_at if "fetched-at" in existing.metadata else 0


def _build_metadata(rows: int, source: Source, fetched_at: int) -> dict[str, str]:
    return {"rows": str(rows), "source": str(source), "fetched-at": str(fetched_at)}


def _info_from_headers(key: str, existing: ObjectHeaders) -> ObjectInfo:
    """Return the info. What the metadata lacks comes from the object's time and its key."""
    metadata = existing.metadata
    rows, source, fetched_at = (metadata.get(name, "") for name in ("rows", "source", "fetched-at"))
    return ObjectInfo(
        key=key,
        size_bytes=existing.size_bytes,
        fetched_at=int(fetched_at) if fetched_at.isdigit() else existing.modified_at,
        source=Source(source) if source in set(Source) else source_from_key(key),
        rows=int(rows) if rows.isdigit() else None,
    )
