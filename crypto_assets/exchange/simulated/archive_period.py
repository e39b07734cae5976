"""What one file of the archive covers, and what it is called: a day or a month of a symbol."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, date, timedelta
from enum import StrEnum

from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window, day_of, day_start_ms

# How long after a day's end its file appears; a month's on the month's first Monday as late.
PUBLICATION_DELAY_MS = 5 * HOUR_MS

# The archive calls months `1mo`, as some file systems cannot tell 1M from 1m.
_NAMES = {KlineInterval.MONTH: "1mo"}
_INTERVALS = {_NAMES.get(interval, interval.value): interval for interval in KlineInterval}
_FILE = re.compile(
    r"data/spot/(?P<kind>daily|monthly)/klines/(?P<symbol>[^/]+)/(?P<interval>\w+)/"
    r"(?P=symbol)-(?P=interval)-(?P<period>\d{4}-\d\d(-\d\d)?)\.zip(?P<checksum>\.CHECKSUM)?",
    re.ASCII,
)


class ArchiveKind(StrEnum):
    DAILY = "daily"
    MONTHLY = "monthly"


@dataclass(frozen=True)
class ArchivePeriod:
    """A UTC day, or the month that begins on `first`."""

    kind: ArchiveKind
    first: date

    @property
    def window(self) -> Window:
        if self.kind is ArchiveKind.DAILY:
            return Window.of_day(self.first)
        return Window.of_month(self.first)

    @property
    def published_at_ms(self) -> int:
        """When its files usually appear, in epoch ms."""
        end = self.next_period().first
        if self.kind is ArchiveKind.MONTHLY:
            end += timedelta(days=-end.weekday() % 7)
        return day_start_ms(end) + PUBLICATION_DELAY_MS

    def next_period(self) -> "ArchivePeriod":
        days = 1 if self.kind is ArchiveKind.DAILY else 32
        following = self.first + timedelta(days=days)
        return ArchivePeriod.from_day(self.kind, following)

    @classmethod
    def from_day(cls, kind: ArchiveKind, day: date) -> "ArchivePeriod":
        return cls(kind, day if kind is ArchiveKind.DAILY else day.replace(day=1))

    def __str__(self) -> str:
        text = self.first.isoformat()
        return text if self.kind is ArchiveKind.DAILY else text[:7]


@dataclass(frozen=True)
class ArchiveKey:
    """One file by name: a zip, or the CHECKSUM beside it."""

    symbol: str
    interval: KlineInterval
    period: ArchivePeriod
    is_checksum: bool = False

    @property
    def file_stem(self) -> str:
        return f"{self.symbol}-{format_archive_interval(self.interval)}-{self.period}"

    def __str__(self) -> str:
        suffix = ".zip.CHECKSUM" if self.is_checksum else ".zip"
        return (
            build_folder_path(self.period.kind, self.symbol, self.interval)
            + self.file_stem
            + suffix
        )


def format_archive_interval(interval: KlineInterval) -> str:
    return _NAMES.get(interval, interval.value)


def build_folder_path(kind: ArchiveKind, symbol: str, interval: KlineInterval) -> str:
    return f"data/spot/{kind}/klines/{symbol}/{format_archive_interval(interval)}/"


def list_archive_intervals(kind: ArchiveKind) -> list[KlineInterval]:
    """The intervals with files of a kind: those longer than a day come by the month alone."""
    return [one for one in KlineInterval if kind is ArchiveKind.MONTHLY or one.ms <= DAY_MS]


def parse_archive_key(text: str) -> ArchiveKey | None:
    """The file of that name, or None where no file can have it."""
    found = _FILE.fullmatch(text)
    if not found or found["interval"] not in _INTERVALS:
        return None
    kind, interval = ArchiveKind(found["kind"]), _INTERVALS[found["interval"]]
    is_day = len(found["period"]) > len("2025-01")
    if is_day is not (kind is ArchiveKind.DAILY) or interval not in list_archive_intervals(kind):
        return None
    try:
        first = date.fromisoformat(found["period"] if is_day else f"{found['period']}-01")
    except ValueError:
        return None
    if first.year == MAXYEAR:  # its last day and month have none after them
        return None
    period = ArchivePeriod(kind, first)
    return ArchiveKey(found["symbol"], interval, period, bool(found["checksum"]))


def iterate_archive_periods(kind: ArchiveKind, window: Window) -> Iterator[ArchivePeriod]:
    """Yield the periods that a window touches, oldest first."""
    if not window:
        return
    period = ArchivePeriod.from_day(kind, day_of(window.start_ms))
    while period.window.start_ms < window.end_ms:
        yield period
        period = period.next_period()
