"""The archive: a zip with one CSV per day or month of a symbol, and its checksum."""

import zipfile
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from io import BytesIO
from threading import Lock

import pyarrow as pa

from crypto_assets.exchange.simulated.archive_keys import (
    PUBLICATION_DELAY_MS,
    ArchiveKey,
    ArchiveKind,
    format_archive_interval,
    iterate_archive_periods,
)
from crypto_assets.exchange.simulated.candle_text import convert_to_microseconds, format_csv_rows
from crypto_assets.exchange.simulated.faults import file_flaws
from crypto_assets.exchange.simulated.faults.file_flaws import ArchiveRules
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.exchange.simulated.market_snapshot import MarketRules, MarketSnapshot
from crypto_assets.exchange.simulated.published_candles import PublishedCandles
from crypto_assets.market.utc_time import Window

# Files have microseconds from this day on.
MICROSECONDS_FROM = date(2025, 1, 1)
_KEPT_FILES = 256
_LOCKS = 64


@dataclass(frozen=True)
class ArchiveFile:
    """A published file: the zip, and the content of its CHECKSUM file if there is one.

    A CHECKSUM is `<sha256>  <file name>` without a newline.
    """

    content: bytes
    checksum: bytes | None


class CandleArchive:
    """Builds and caches the files of all symbols, intervals and periods."""

    def __init__(self, published: PublishedCandles) -> None:
        self._published = published
        self._get_cached_file = lru_cache(maxsize=_KEPT_FILES)(self._build_file)
        self._locks = [Lock() for _ in range(_LOCKS)]

    def get_file(
        self, key: ArchiveKey, snapshot: MarketSnapshot, flaws: ArchiveRules = ()
    ) -> bytes | None:
        """Return the content of a zip or checksum file.

        Returns None for a file that is not published (yet): too early, no such symbol, no candles.
        """
        published_at = self.get_published_at_ms(key, flaws)
        is_known = key.symbol in self._published.source.symbols
        if not is_known or published_at is None or snapshot.now < published_at:
            return None
        whole = ArchiveKey(key.symbol, key.interval, key.period)
        # Clients request a zip and its checksum at the same time; both are built once.
        with self._locks[hash(whole) % _LOCKS]:
            file = self._get_cached_file(whole, snapshot.rules, flaws)
        if file is None:
            return None
        return file.checksum if key.is_checksum else file.content

    def get_published_at_ms(self, key: ArchiveKey, flaws: ArchiveRules = ()) -> int | None:
        """Return when a file appears, in epoch ms; None if it never does."""
        end = key.period.window.end_ms
        delay = file_flaws.get_publication_delay_ms(flaws, key.period.published_at_ms - end)
        return None if delay is None else end + delay

    def list_keys(
        self, kind: ArchiveKind, symbol: str, interval: KlineInterval, now: int
    ) -> list[ArchiveKey]:
        """Return the keys of the periods that may have candles up to now, ascending."""
        window = self._published.get_open_window(symbol, interval) & Window(0, now)
        return [
            ArchiveKey(symbol, interval, period, is_checksum)
            for period in iterate_archive_periods(kind, window)
            for is_checksum in (False, True)
        ]

    def _build_file(
        self, key: ArchiveKey, rules: MarketRules, flaws: ArchiveRules
    ) -> ArchiveFile | None:
        contents = file_flaws.choose_content_symbol(flaws, key.symbol)
        candles = self._select_candles(contents, key, rules)
        if not candles.num_rows:
            return None
        candles = candles.slice(0, file_flaws.count_kept_rows(flaws, candles.num_rows))
        first = key.period.first
        micro = file_flaws.uses_microseconds(flaws, first >= MICROSECONDS_FROM)
        text = file_flaws.apply_csv_flaws(
            flaws, format_csv_rows(convert_to_microseconds(candles) if micro else candles), micro
        )
        member = f"{contents}-{format_archive_interval(key.interval)}-{key.period}.csv"
        sound = file_flaws.apply_zip_flaws(flaws, zip_file_content(member, text, first))
        digest = file_flaws.compute_checksum_digest(flaws, sound)
        checksum = f"{digest}  {key.file_stem}.zip".encode() if digest else None
        return ArchiveFile(file_flaws.corrupt_zip(flaws, sound), checksum)

    def _select_candles(self, symbol: str, key: ArchiveKey, rules: MarketRules) -> pa.Table:
        """Return the period's candles as of the time when all of them were closed."""
        window = key.period.window
        closed = MarketSnapshot(window.end_ms + key.interval.ms + PUBLICATION_DELAY_MS, rules)
        return self._published.select_between(
            symbol, key.interval, closed, window.start_ms, window.end_ms - 1
        )


def zip_file_content(name: str, content: bytes, day: date) -> bytes:
    """Return a zip with one file. The same content gives the same bytes."""
    entry = zipfile.ZipInfo(name, (day.year, day.month, day.day, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(entry, content, compresslevel=1)
    return out.getvalue()
