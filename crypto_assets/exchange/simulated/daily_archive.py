"""The daily archive: one zip of one CSV a day, beside its checksum."""

import hashlib
import zipfile
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.exchange.simulated.published import PublishedCandles
from crypto_assets.exchange.simulated.wire import rows_csv
from crypto_assets.market.clock import HOUR_MS, Window
from crypto_assets.market.intervals import Interval

# How long after a day's end its file appears.
DELAY_MS = 5 * HOUR_MS
# From this day on the files count in microseconds.
MICROSECONDS_FROM = date(2025, 1, 1)
_KEPT_FILES = 256


@dataclass(frozen=True)
class ArchiveFile:
    """One published file: `content` is the zip."""

    name: str
    content: bytes

    @cached_property
    def checksum(self) -> bytes:
        """`<sha256>  <file name>`, without a newline, as in the file beside the zip."""
        return f"{hashlib.sha256(self.content).hexdigest()}  {self.name}".encode()


class DailyArchive:
    """Files by symbol, interval and day, as they stand at an instant of the exchange's clock."""

    def __init__(self, published: PublishedCandles) -> None:
        self._published = published
        self._file = lru_cache(maxsize=_KEPT_FILES)(self._make)

    def file(self, symbol: str, interval: Interval, day: date, now: int) -> ArchiveFile | None:
        """None where the file is not (yet) there: too early, no such symbol, no candles."""
        if symbol not in self._published.source.symbols or interval is Interval.W1:
            return None
        if now < Window.of_day(day).end_ms + DELAY_MS:
            return None
        return self._file(symbol, interval, day)

    def _make(self, symbol: str, interval: Interval, day: date) -> ArchiveFile | None:
        window = Window.of_day(day)
        candles = self._published.between(
            symbol, interval, window.start_ms, window.end_ms - 1, window.end_ms + DELAY_MS
        )
        if not candles.num_rows:
            return None
        if day >= MICROSECONDS_FROM:
            candles = in_microseconds(candles)
        name = f"{symbol}-{interval}-{day}"
        return ArchiveFile(f"{name}.zip", zipped(f"{name}.csv", rows_csv(candles), day))


def in_microseconds(candles: pa.Table) -> pa.Table:
    """Milliseconds become microseconds; close times end in 999999."""
    opens = pc.multiply(candles["open_time"], 1000)
    closes = pc.add(pc.multiply(candles["close_time"], 1000), 999)
    return candles.set_column(0, "open_time", opens).set_column(
        candles.schema.get_field_index("close_time"), "close_time", closes
    )


def zipped(name: str, content: bytes, day: date) -> bytes:
    """A zip of one file; the same content gives the same bytes."""
    entry = zipfile.ZipInfo(name, (day.year, day.month, day.day, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(entry, content, compresslevel=1)
    return out.getvalue()
