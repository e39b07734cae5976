"""A lake on a server: its calls wait while the server does not respond."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain

from crypto_assets.errors import LakeUnavailable
from crypto_assets.lake.interface import Lake, LakeEntry, ObjectInfo
from crypto_assets.market.lake_object import Source
from crypto_assets.service_waiter import ServiceWaiter

_SERVICE = "the lake"


class WaitingLake(Lake):
    """Another lake, each call of which `waiter` repeats during an outage."""

    def __init__(self, lake: Lake, waiter: ServiceWaiter) -> None:
        super().__init__(lake.names)
        self.url, self.bucket = lake.url, lake.bucket
        self._lake, self._waiter = lake, waiter

    def put(self, key: str, body: bytes, *, fetched_at: int, source: Source, rows: int) -> bool:
        return self._waiter.run(
            _SERVICE,
            lambda: self._lake.put(key, body, fetched_at=fetched_at, source=source, rows=rows),
        )

    def get_with_info(self, key: str) -> tuple[ObjectInfo, bytes]:
        return self._waiter.run(_SERVICE, lambda: self._lake.get_with_info(key))

    def get_info(self, key: str) -> ObjectInfo | None:
        return self._waiter.run(_SERVICE, lambda: self._lake.get_info(key))

    def list_entries(self, prefix: str = "", after: str = "") -> Iterator[LakeEntry]:
        """Yield the objects; after an outage, continue behind the last one."""
        while True:
            start = partial(_start_listing, self._lake, prefix, after)
            first, rest = self._waiter.run(_SERVICE, start)
            try:
                for entry in chain(first, rest):
                    after = entry.key
                    yield entry
                return
            except LakeUnavailable:
                if not self._waiter.is_waiting_allowed:
                    raise

    def delete(self, keys: Iterable[str]) -> None:
        listed = list(keys)
        self._waiter.run(_SERVICE, lambda: self._lake.delete(listed))

    def change_fetch_time(self, key: str, old: int, new: int) -> None:
        self._waiter.run(_SERVICE, lambda: self._lake.change_fetch_time(key, old, new))

    def create_storage(self) -> None:
        self._waiter.run(_SERVICE, self._lake.create_storage)

    def check_writable(self) -> None:
        self._waiter.run(_SERVICE, self._lake.check_writable)

    def _read_marker(self) -> bytes | None:
        return self._waiter.run(_SERVICE, self._lake._read_marker)

    def _write_marker(self, body: bytes, replacing: bytes | None) -> None:
        self._waiter.run(_SERVICE, lambda: self._lake._write_marker(body, replacing))


def _start_listing(
    lake: Lake, prefix: str, after: str
) -> tuple[list[LakeEntry], Iterator[LakeEntry]]:
    """Return the first object of a listing, if there is one, and the others."""
    entries = lake.list_entries(prefix, after)
    first = next(entries, None)
    return [] if first is None else [first], entries
