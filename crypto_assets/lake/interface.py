"""The interface of a lake, and what directory and S3 lakes have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

import orjson

from crypto_assets.addresses import AddressingStyle
from crypto_assets.errors import BucketMissing, ForeignExchange, LakeError, LakeRefused, WrongUse
from crypto_assets.lake.object_codec import count_rows
from crypto_assets.lake.object_keys import parse_key
from crypto_assets.market.exchange_name import shorten_exchange_name
from crypto_assets.market.lake_object import Source
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames

# The lake's own objects, which listings omit: the owner, and the probe of a write check.
MARKER_KEY = "exchange.json"
PROBE_KEY = ".probe"


@dataclass(frozen=True)
class ObjectInfo:
    """What a lake stores about one object besides its body; `fetched_at` in epoch ms.

    On S3 it costs a request per object. `source` is None for a key of another layout, `rows` is
    None where the lake stores no count. `LakeObject` is the manifest's row about the same object.
    """

    key: str
    size_bytes: int
    fetched_at: int
    source: Source | None
    rows: int | None = None


@dataclass(frozen=True)
class LakeEntry:
    """An object in a listing, which is cheap but has neither source nor fetch time.

    `stored_at` (epoch ms) is the fetch time in a directory and the time of the put on S3.
    """

    key: str
    size_bytes: int
    stored_at: int


@dataclass(frozen=True)
class S3Options:
    """The connection to an S3 server. boto3 looks up what is None in profiles and roles."""

    endpoint_url: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    region: str | None = None
    session_token: str | None = field(default=None, repr=False)
    profile: str | None = None
    addressing_style: AddressingStyle = AddressingStyle.AUTO


@dataclass(frozen=True)
class LakeMarker:
    """To which exchange and market a lake belongs; the default market has the name "".

    Earlier versions stored no market.
    """

    exchange: str
    market: str = ""

    def to_json(self) -> bytes:
        """Return the content of the lake's own object that stores this."""
        market = {"market": self.market} if self.market else {}
        return orjson.dumps({"exchange": self.exchange, **market})


class Lake(ABC):
    """A bucket of raw objects. Safe for many threads and processes.

    Every method raises LakeUnavailable where a retry may help, and LakeRefused where something
    must be fixed first.
    """

    url: str
    bucket: str

    def __init__(self, names: SettingNames = DEFAULT_NAMES) -> None:
        self.names = names

    @abstractmethod
    def put(self, key: str, body: bytes, *, fetched_at: int, source: Source, rows: int) -> bool:
        """Store an object atomically; `fetched_at` in epoch ms.

        Returns False and changes nothing where the key has an object with more rows, or one with
        as many rows that was fetched later: the slower of two writers may have older data.
        """

    @abstractmethod
    def get_with_info(self, key: str) -> tuple[ObjectInfo, bytes]:
        """Return an object's info and body, read consistently. Raises ObjectMissing."""

    @abstractmethod
    def get_info(self, key: str) -> ObjectInfo | None:
        """Return an object's info, or None if it does not exist."""

    @abstractmethod
    def list_entries(self, prefix: str = "", after: str = "") -> Iterator[LakeEntry]:
        """Yield the objects whose key begins with `prefix` and is greater than `after`.

        Keys of this lake's layout are in order.
        """

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> None:
        """Delete the objects. Missing objects are no error."""

    @abstractmethod
    def change_fetch_time(self, key: str, old: int, new: int) -> None:
        """Give an object that was fetched at `old` another fetch time; both in epoch ms.

        Changes nothing where it is gone, or was fetched at another time.
        """

    @abstractmethod
    def create_storage(self) -> None:
        """Create the bucket or directory if it does not exist. Safe to call concurrently."""

    @abstractmethod
    def check_writable(self) -> None:
        """Check by a write that the lake exists and can be written."""

    @abstractmethod
    def _read_marker(self) -> bytes | None:
        """Return the content of the marker, which names the lake's exchange and market."""

    @abstractmethod
    def _write_marker(self, body: bytes, replacing: bytes | None) -> None:
        """Store the marker if its content is still `replacing` (None: it does not exist)."""

    def get(self, key: str) -> bytes:
        """Return an object's body. Raises ObjectMissing."""
        return self.get_with_info(key)[1]

    def copy_to(self, other: "Lake", key: str) -> bool:
        """Copy an object with its fetch time and verify the copy.

        Returns False where `other` keeps its own object, as `put` does. Raises ObjectMissing, and
        LakeError where the copy differs.
        """
        return other.put_copy(*self.get_with_info(key))

    def put_copy(self, info: ObjectInfo, body: bytes) -> bool:
        """Store an object that was read from another lake, with its fetch time, and verify it.

        Returns False where this lake keeps its own object, as `put` does. Raises LakeError where
        the copy differs.
        """
        source = info.source or Source.IMPORT
        rows = resolve_row_count(info, body)
        if not self.put(info.key, body, fetched_at=info.fetched_at, source=source, rows=rows):
            return False
        if sha256(self.get(info.key)).digest() != sha256(body).digest():
            raise LakeError(f"the copy of {info.key} in {self.url} differs from the original")
        return True

    def get_owner(self) -> str | None:
        """Return the exchange to which the lake belongs, or None before the first claim."""
        marker = self.get_marker()
        return marker.exchange if marker else None

    def get_marker(self) -> LakeMarker | None:
        """Return to what the lake belongs, or None before the first claim."""
        return self._read_parsed_marker()[1]

    def claim_for_exchange(
        self,
        identity: str,
        renaming: str | None = None,
        *,
        market: str = "",
        is_own: Callable[[], bool] = lambda: False,
    ) -> None:
        """Assign the lake permanently to an exchange and a market. One of two claims wins.

        `market` is "" for the default market. `renaming` is the former name of the same exchange.
        `is_own` returns whether a lake that has no market, from an earlier version, is this one's.
        Raises ForeignExchange where the lake belongs to another exchange, WrongUse where it
        belongs to another market.
        """
        wanted = LakeMarker(identity, market)
        body, marker = self._read_parsed_marker()
        if marker is None or (
            marker != wanted
            and marker.exchange in (identity, renaming)
            and (marker.market == market or (not marker.market and is_own()))
        ):
            self._write_marker(wanted.to_json(), replacing=body)
            marker = self.get_marker()
        self._require_marker(marker or LakeMarker("no exchange"), wanted)

    def require_claimable(self, identity: str, *, market: str = "") -> None:
        """Raise as `claim_for_exchange` does, and claim nothing; the lake need not exist."""
        try:
            marker = self.get_marker()
        except BucketMissing:
            return
        if marker is not None:
            self._require_marker(marker, LakeMarker(identity, market))

    def _require_marker(self, marker: LakeMarker, wanted: LakeMarker) -> None:
        if marker.exchange != wanted.exchange:
            raise ForeignExchange(
                f"the lake {self.url} belongs to {shorten_exchange_name(marker.exchange)}, "
                f"not to {shorten_exchange_name(wanted.exchange)}: "
                f"{self.names.other_stores}, or the exchange of its candles"
            )
        if marker.market != wanted.market:
            raise WrongUse(
                f"the lake {self.url} belongs to {_describe_market(marker.market)}, not to "
                f"{_describe_market(wanted.market)}: each market needs a lake of its own"
            )

    def _read_parsed_marker(self) -> tuple[bytes | None, LakeMarker | None]:
        body = self._read_marker()
        if body is None:
            return None, None
        try:
            content = orjson.loads(body)
            return body, LakeMarker(str(content["exchange"]), str(content.get("market", "")))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise LakeRefused(
                f"{MARKER_KEY} in {self.url} does not name an exchange: fix that file"
            ) from None


def _describe_market(name: str) -> str:
    return f"the market {name}" if name else "the default market"


def resolve_row_count(info: ObjectInfo, body: bytes) -> int:
    """Return the count that the lake stores, or the count of the body's rows."""
    return count_rows(body) if info.rows is None else info.rows


def source_from_key(key: str) -> Source | None:
    """Return the source in a key of this layout, or None."""
    parts = parse_key(key)
    return parts.source if parts else None


def require_valid_key(key: str) -> str:
    """Return `key` if every kind of lake can store it. Raises WrongUse."""
    parts = key.split("/")
    if not all(parts) or {".", ".."} & set(parts) or "\0" in key or is_reserved_key(key):
        raise WrongUse(f"{key!r} is not a valid object key")
    return key


def is_reserved_key(key: str) -> bool:
    return key == MARKER_KEY or key.startswith(".")
