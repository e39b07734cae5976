"""What every lake can do, whatever its body; what the bodies share."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

import orjson

from crypto_assets.addresses import AddressingStyle
from crypto_assets.errors import ForeignExchange, LakeError, LakeRefused, WrongUse
from crypto_assets.lake.object_codec import count_rows
from crypto_assets.lake.object_keys import parse_key
from crypto_assets.market.exchange_name import shorten_exchange_name
from crypto_assets.market.lake_object import Source

# The lake's own objects, which no listing shows: whose it is, and whether it may be written.
MARKER_KEY = "exchange.json"
PROBE_KEY = ".probe"


@dataclass(frozen=True)
class ObjectInfo:
    """What the lake knows of an object without reading it; `fetched_at` in epoch ms.

    `source` is None under a foreign name, `rows` is None where the lake keeps no count.
    """

    key: str
    size_bytes: int
    fetched_at: int
    source: Source | None
    rows: int | None = None


@dataclass(frozen=True)
class LakeEntry:
    """One line of a cheap listing; `stored_at`, epoch ms, is when it was put or fetched."""

    key: str
    size_bytes: int
    stored_at: int


@dataclass(frozen=True)
class S3Options:
    """How to reach an S3 server; None leaves it to boto3's own search (profiles, roles)."""

    endpoint_url: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    region: str | None = None
    session_token: str | None = field(default=None, repr=False)
    profile: str | None = None
    addressing_style: AddressingStyle = AddressingStyle.AUTO


class Lake(ABC):
    """A bucket of raw objects. Safe for many threads and many processes at once.

    Every method raises LakeUnavailable where asking again may help and LakeRefused where
    something must be mended first.
    """

    url: str
    bucket: str

    @abstractmethod
    def put(self, key: str, body: bytes, *, fetched_at: int, source: Source, rows: int) -> bool:
        """Stores the object whole or not at all; `fetched_at` in epoch ms.

        False, and nothing done, where an object with more rows stands under the key, or one with
        as many that was fetched later: of two writers the slower may carry the older answer.
        """

    @abstractmethod
    def get_with_info(self, key: str) -> tuple[ObjectInfo, bytes]:
        """An object and what is known of it, of one moment. Raises ObjectMissing."""

    @abstractmethod
    def get_info(self, key: str) -> ObjectInfo | None:
        """What is known of an object, None where there is none."""

    @abstractmethod
    def list_entries(self, prefix: str = "") -> Iterator[LakeEntry]:
        """Objects whose key begins with `prefix`, at the price of a listing.

        In the order of their keys, if they are of this lake's layout.
        """

    @abstractmethod
    def list_with_info(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """As `entries`, with fetch time and source; on S3 each object costs a request."""

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> None:
        """Removes the objects; one that is not there is no error."""

    @abstractmethod
    def create_storage(self) -> None:
        """Makes the bucket where there is none; two may do so at once."""

    @abstractmethod
    def check_writable(self) -> None:
        """Proves that the lake is there and may be written."""

    @abstractmethod
    def _read_marker(self) -> bytes | None:
        """The object that says whose lake this is."""

    @abstractmethod
    def _write_marker(self, body: bytes, replacing: bytes | None) -> None:
        """Stores it if `replacing` is still what is there, None for nothing; else does nothing."""

    def get(self, key: str) -> bytes:
        """An object's body. Raises ObjectMissing."""
        return self.get_with_info(key)[1]

    def measure_size(self) -> tuple[int, int]:
        """How many objects the lake holds, and their bytes."""
        sizes = [entry.size_bytes for entry in self.list_entries()]
        return len(sizes), sum(sizes)

    def copy_to(self, other: "Lake", key: str) -> bool:
        """Copies an object with its fetch time and proves the copy.

        False where `other` keeps what it holds, as `put`. Raises ObjectMissing, and LakeError
        where what was read back differs.
        """
        info, body = self.get_with_info(key)
        source = info.source or Source.IMPORT
        rows = resolve_row_count(info, body)
        if not other.put(key, body, fetched_at=info.fetched_at, source=source, rows=rows):
            return False
        if sha256(other.get(key)).digest() != sha256(body).digest():
            raise LakeError(f"the copy of {key} in {other.url} differs from {self.url}")
        return True

    def get_owner(self) -> str | None:
        """Which exchange the lake belongs to, None of one that nobody claimed."""
        body = self._read_marker()
        return None if body is None else self._parse_marker(body)

    def claim_for_exchange(self, identity: str, renaming: str | None = None) -> None:
        """Makes the lake belong to an exchange for good; of two at once, one wins.

        `renaming` is the name that the same exchange had so far. Raises ForeignExchange where the
        lake belongs to another.
        """
        body = self._read_marker()
        named = None if body is None else self._parse_marker(body)
        if named is None or named == renaming != identity:
            self._write_marker(orjson.dumps({"exchange": identity}), replacing=body)
        owner = self.get_owner()
        if owner != identity:
            raise ForeignExchange(
                f"the lake {self.url} belongs to {shorten_exchange_name(owner or 'nobody')}, "
                f"not to {shorten_exchange_name(identity)}: "
                "set another CRYPTO_HOME or lake, or the exchange it came from"
            )

    def _parse_marker(self, body: bytes) -> str:
        try:
            return str(orjson.loads(body)["exchange"])
        except (ValueError, TypeError, KeyError):
            raise LakeRefused(
                f"{MARKER_KEY} in {self.url} does not name an exchange: put that file right"
            ) from None


def resolve_row_count(info: ObjectInfo, body: bytes) -> int:
    """The count that the lake keeps, or a count of the body."""
    return count_rows(body) if info.rows is None else info.rows


def source_from_key(key: str) -> Source | None:
    """What a key of this layout says of its source."""
    parts = parse_key(key)
    return parts.source if parts else None


def require_valid_key(key: str) -> str:
    """`key`, if every body of a lake can hold it. Raises WrongUse."""
    parts = key.split("/")
    if not all(parts) or {".", ".."} & set(parts) or "\0" in key or is_reserved_key(key):
        raise WrongUse(f"{key!r} cannot be an object's key")
    return key


def is_reserved_key(key: str) -> bool:
    return key == MARKER_KEY or key.startswith(".")
