"""An object of the raw lake: its kind, its source, and its row in the manifest."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from crypto_assets.market.utc_time import Window, day_of


class ObjectKind(StrEnum):
    """What an object contains, a part of its key: minute candles, or one order book."""

    KLINES = "klines"
    DEPTH = "depth"


class Source(StrEnum):
    """The source of an object's rows, a part of its key."""

    REST = "rest"
    ARCHIVE = "archive"
    IMPORT = "import"
    VERIFIED = "verified"  # minutes of REST or archive that add up to the exchange's own hour

    @property
    def rank(self) -> int:
        """Of two versions of a minute, the one of higher rank counts, then the later fetch."""
        return _RANKS[self]


_RANKS = {Source.IMPORT: 0, Source.ARCHIVE: 1, Source.REST: 1, Source.VERIFIED: 2}


@dataclass(frozen=True)
class LakeObject:
    """An object's row in the manifest, the warehouse table `lake_objects`; times in epoch ms.

    The lake itself has less about an object: `lake.KeyParts` is what its key contains,
    `lake.LakeEntry` a line of a listing, `lake.ObjectInfo` its metadata.

    `first_time` and `last_time` are the first and last open time of a klines object; both are the
    capture time of a depth object. `rows` counts candles, or levels of both sides. `loaded_at` is
    None until the object is loaded.
    """

    bucket: str
    key: str
    symbol: str
    kind: ObjectKind
    source: Source
    first_time: int
    last_time: int
    rows: int
    size_bytes: int
    sha256: str
    fetched_at: int
    loaded_at: int | None = None

    @property
    def day(self) -> date:
        """The UTC day that contains the whole object."""
        return day_of(self.first_time)

    @property
    def window(self) -> Window:
        """The window from the first time to the last, both inside."""
        return Window(self.first_time, self.last_time + 1)
