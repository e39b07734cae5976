"""An HTTP answer as the exchange gave it, and what its headers say."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from crypto_assets.market.utc_time import MINUTE_MS, to_epoch_ms


@dataclass(frozen=True)
class ExchangeResponse:
    """A whole answer; `headers` are looked up whatever their case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def used_weight(self) -> int | None:
        """Weight that the whole IP has used in the exchange's minute, this request included."""
        return self._parse_int_header("X-MBX-USED-WEIGHT-1M")

    @property
    def retry_after(self) -> int | None:
        """Seconds to stay away."""
        return self._parse_int_header("Retry-After")

    @property
    def server_time_ms(self) -> int | None:
        """The server's clock, epoch ms, to the second."""
        try:
            return to_epoch_ms(parsedate_to_datetime(self.headers["Date"]))
        except (KeyError, ValueError):
            return None

    @property
    def minute_seconds_left(self) -> float | None:
        """Seconds until the server's minute is over for certain."""
        date = self.server_time_ms
        return None if date is None else (MINUTE_MS - date % MINUTE_MS) / 1000 + 0.25

    def _parse_int_header(self, name: str) -> int | None:
        text = self.headers.get(name, "")
        return int(text) if text.isdecimal() else None
