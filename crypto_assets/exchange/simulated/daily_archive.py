"""The daily archive: one zip of one CSV a day, beside its checksum."""

import zipfile
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from io import BytesIO
from threading import Lock

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.exchange.simulated.faults import files
from crypto_assets.exchange.simulated.faults.files import Flaws
from crypto_assets.exchange.simulated.published import PublishedCandles
from crypto_assets.exchange.simulated.reading import Reading, Rules
from crypto_assets.exchange.simulated.wire import rows_csv
from crypto_assets.market.clock import HOUR_MS, Window
from crypto_assets.market.intervals import Interval

# How long after a day's end its file appears.
DELAY_MS = 5 * HOUR_MS
# From this day on the files count in microseconds.
MICROSECONDS_FROM = date(2025, 1, 1)
_KEPT_FILES = 256
_LOCKS = 64


@dataclass(frozen=True)
class ArchiveFile:
    """One published file: `content` is the zip, `checksum` the file beside it, if there is one.

    The checksum reads `<sha256>  <file name>`, without a newline.
    """

    content: bytes
    checksum: bytes | None


class DailyArchive:
    """Files by symbol, interval and day."""

    def __init__(self, published: PublishedCandles) -> None:
        self._published = published
        self._file = lru_cache(maxsize=_KEPT_FILES)(self._make)
        self._locks = [Lock() for _ in range(_LOCKS)]

    def file(
        self, symbol: str, interval: Interval, day: date, reading: Reading, flaws: Flaws = ()
    ) -> ArchiveFile | None:
        """None where the file is not (yet) there: too early, no such symbol, no candles."""
        if symbol not in self._published.source.symbols or interval is Interval.W1:
            return None
        delay = files.delay_ms(flaws, DELAY_MS)
        if delay is None or reading.now < Window.of_day(day).end_ms + delay:
            return None
        # A zip and its checksum are asked for at once, and made once.
        with self._locks[hash((symbol, interval, day)) % _LOCKS]:
            return self._file(symbol, interval, day, reading.edition, flaws)

    def _make(
        self, symbol: str, interval: Interval, day: date, edition: Rules, flaws: Flaws
    ) -> ArchiveFile | None:
        contents = files.contents_of(flaws, symbol)
        candles = self._candles(contents, interval, day, edition)
        if not candles.num_rows:
            return None
        candles = candles.slice(0, files.rows_kept(flaws, candles.num_rows))
        micro = files.in_microseconds(flaws, day >= MICROSECONDS_FROM)
        text = files.flawed_csv(flaws, rows_csv(in_micro(candles) if micro else candles), micro)
        sound = files.flawed_zip(flaws, zipped(f"{contents}-{interval}-{day}.csv", text, day))
        digest = files.digest(flaws, sound)
        checksum = f"{digest}  {symbol}-{interval}-{day}.zip".encode() if digest else None
        return ArchiveFile(files.damaged(flaws, sound), checksum)

    def _candles(self, symbol: str, interval: Interval, day: date, edition: Rules) -> pa.Table:
        """The day as the exchange had it when all of it was closed."""
        window = Window.of_day(day)
        closed = Reading(window.end_ms + DELAY_MS, edition)
        return self._published.between(symbol, interval, closed, window.start_ms, window.end_ms - 1)


def in_micro(candles: pa.Table) -> pa.Table:
    """Milliseconds become microseconds; close times end in 999999."""
    opens = pc.multiply(candles["open_time"], 1000)
    closes = pc.add(pc.multiply(candles["close_time"], 1000), 999)
    place = candles.schema.get_field_index("close_time")
    return candles.set_column(0, "open_time", opens).set_column(place, "close_time", closes)


def zipped(name: str, content: bytes, day: date) -> bytes:
    """A zip of one file; the same content gives the same bytes."""
    entry = zipfile.ZipInfo(name, (day.year, day.month, day.day, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(entry, content, compresslevel=1)
    return out.getvalue()
