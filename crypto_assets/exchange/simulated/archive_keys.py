"""The periods and keys of the archive's files: a day or a month of a symbol and interval."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, date, timedelta
from enum import StrEnum
from typing import Self

from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window, day_of, day_start_ms

# The delay after the end of a day, or after the first midnight to Monday following a month.
PUBLICATION_DELAY_MS = 5 * HOUR_MS

# The archive calls months `1mo`: some file systems do not distinguish 1M and 1m.
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
        """When files of the period usually appear, in epoch ms."""
        end = self.next_period().first
        if self.kind is ArchiveKind.MONTHLY:
            end += timedelta(days=-end.weekday() % 7)
        return day_start_ms(end) + PUBLICATION_DELAY_MS

    def next_period(self) -> Self:
        days = 1 if self.kind is ArchiveKind.DAILY else 32
        following = self.first + timedelta(days=days)
        return self.from_day(self.kind, following)

    @classmethod
    def from_day(cls, kind: ArchiveKind, day: date) -> Self:
        return cls(kind, day if kind is ArchiveKind.DAILY else day.replace(day=1))

    def __str__(self) -> str:
        text = self.first.isoformat()
        return text if self.kind is ArchiveKind.DAILY else text[:7]


@dataclass(frozen=True)
class ArchiveKey:
    """The key of a file: a zip or its CHECKSUM."""

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
    """Return the intervals with files of a kind; those longer than a day are monthly only."""
    return [
        interval
        for interval in KlineInterval
        if kind is ArchiveKind.MONTHLY or interval.ms <= DAY_MS
    ]


def parse_archive_key(text: str) -> ArchiveKey | None:
    """Parse a key. Returns None if no file can have it."""
    match = _FILE.fullmatch(text)
    if not match or match["interval"] not in _INTERVALS:
        return None
    kind, interval = ArchiveKind(match["kind"]), _INTERVALS[match["interval"]]
    is_day = len(match["period"]) > len("2025-01")
    if is_day is not (kind is ArchiveKind.DAILY) or interval not in list_archive_intervals(kind):
        return None
    try:
        first = date.fromisoformat(match["period"] if is_day else f"{match['period']}-01")
    except ValueError:
        return None
    if first.year == MAXYEAR:  # the period after its last one cannot be represented
        return None
    period = ArchivePeriod(kind, first)
    return ArchiveKey(match["symbol"], interval, period, bool(match["checksum"]))


def iterate_archive_periods(kind: ArchiveKind, window: Window) -> Iterator[ArchivePeriod]:
    """Yield the periods that overlap a window, oldest first."""
    if not window:
        return
    period = ArchivePeriod.from_day(kind, day_of(window.start_ms))
    while period.window.start_ms < window.end_ms:
        yield period
        period = period.next_period()
