"""The recorded candles of a simulated exchange, described by its files and their digests.

The simulated exchange publishes the description, and the client recognizes a recording by it.
"""

from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Self

import orjson

from crypto_assets.market.exchange_name import RECORDED_PREFIX

# Hexadecimal digits of the SHA-256 that identifies candles.
DIGEST_DIGITS = 16


@dataclass(frozen=True)
class RecordedFile:
    """A file of a recording: its number of candles and their digest."""

    rows: int
    digest: str


@dataclass(frozen=True)
class Recording:
    """The files of a recording by name (`BTCUSDT-1m`)."""

    files: dict[str, RecordedFile]

    @classmethod
    def parse_identity(cls, identity: str) -> Self | None:
        """Return the recording whose files an identity lists, or None where it lists none.

        An identity has a digest instead of the files where the list of files was not reachable.
        """
        if not identity.startswith(RECORDED_PREFIX):
            return None
        parts = (part.rsplit(":", 2) for part in identity.removeprefix(RECORDED_PREFIX).split(","))
        try:
            return cls({name: RecordedFile(int(rows), digest) for name, rows, digest in parts})
        except ValueError:
            return None

    @property
    def identity(self) -> str:
        files = sorted(self.files.items())
        return RECORDED_PREFIX + ",".join(
            f"{name}:{file.rows}:{file.digest}" for name, file in files
        )

    @property
    def digest(self) -> str:
        """A digest of the files' names, lengths and digests."""
        files = {name: asdict(file) for name, file in self.files.items()}
        content = orjson.dumps(files, option=orjson.OPT_SORT_KEYS)
        return sha256(content).hexdigest()[:DIGEST_DIGITS]

    @property
    def digest_identity(self) -> str:
        """The identity of a server that serves the recording but hides its list of files."""
        return RECORDED_PREFIX + self.digest
