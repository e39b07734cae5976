"""Converts time, here alone: aware UTC inside, epoch milliseconds on the wire and in tables."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def to_epoch_ms(moment: datetime) -> int:
    """Epoch milliseconds of an aware datetime, exact (no float on the way)."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def from_epoch_ms(ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def now_ms() -> int:
    """This machine's clock. What is closed is decided by the exchange's, never by this one."""
    return to_epoch_ms(datetime.now(UTC))


def day_start_ms(day: date) -> int:
    return to_epoch_ms(datetime.combine(day, time(), UTC))


def day_of(ms: int) -> date:
    """The UTC day in which an instant lies."""
    return from_epoch_ms(ms).date()


def floor_ms(ms: int, width_ms: int) -> int:
    """Start of the period of `width_ms`, counted from the epoch, in which an instant lies."""
    return ms - ms % width_ms


def format_utc(ms: int) -> str:
    """`2026-01-31T23:59:00Z`; milliseconds are shown only where there are some."""
    moment = from_epoch_ms(ms)
    spec = "milliseconds" if ms % 1000 else "seconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")


@dataclass(frozen=True, order=True)
class Window:
    """A half-open stretch of time, `start_ms` ≤ t < `end_ms`, in epoch milliseconds."""

    start_ms: int
    end_ms: int

    @classmethod
    def of_day(cls, day: date) -> "Window":
        start = day_start_ms(day)
        return cls(start, start + DAY_MS)

    @classmethod
    def of_days(cls, first: date, last: date) -> "Window":
        """Whole UTC days, both inclusive."""
        return cls(day_start_ms(first), day_start_ms(last) + DAY_MS)

    def __contains__(self, ms: int) -> bool:
        return self.start_ms <= ms < self.end_ms

    def __bool__(self) -> bool:
        return self.start_ms < self.end_ms

    def __and__(self, other: "Window") -> "Window":
        """The common part; empty (and false) where there is none."""
        start = max(self.start_ms, other.start_ms)
        return Window(start, max(start, min(self.end_ms, other.end_ms)))

    def iter_days(self) -> Iterator[date]:
        """The UTC days that the window touches, oldest first."""
        if not self:
            return
        day, last = day_of(self.start_ms), day_of(self.end_ms - 1)
        while day <= last:
            yield day
            day += timedelta(days=1)

    def __str__(self) -> str:
        return f"{format_utc(self.start_ms)}..{format_utc(self.end_ms)}"


def group_consecutive_days(days: Iterable[date]) -> Iterator[Window]:
    """UTC days, ascending, as windows of days without a break."""
    first = last = None
    for day in days:
        if first and last and day - last > timedelta(days=1):
            yield Window.of_days(first, last)
            first = day
        first, last = first or day, day
    if first and last:
        yield Window.of_days(first, last)
