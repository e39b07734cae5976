"""Time conversion and windows of time.

Code uses aware UTC datetimes; tables and the exchange's API use epoch milliseconds. All range
algebra is here: `Window` and the functions that merge or group. `portion` has it too, for any kind
of interval; for half-open integers this is shorter than the conversion from and to its types.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Self

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
# The last day that a datetime can hold begins here: 9999-12-31.
MAX_EPOCH_MS = 253_402_214_400_000
MINUTES_PER_HOUR = HOUR_MS // MINUTE_MS
MINUTES_PER_DAY = DAY_MS // MINUTE_MS


def to_epoch_ms(moment: datetime) -> int:
    """Convert an aware datetime to epoch ms, exactly. Raises ValueError if it is naive."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def from_epoch_ms(ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def now_ms() -> int:
    """Return this machine's clock in epoch ms.

    The exchange's clock, never this one, decides which candles are closed.
    """
    return to_epoch_ms(datetime.now(UTC))


def day_start_ms(day: date) -> int:
    return to_epoch_ms(datetime.combine(day, time(), UTC))


def day_of(ms: int) -> date:
    """Return the UTC day that contains an instant."""
    return from_epoch_ms(ms).date()


def floor_ms(ms: int, width_ms: int) -> int:
    """Round an instant down to a multiple of `width_ms`."""
    return ms - ms % width_ms


def ceil_ms(ms: int, width_ms: int) -> int:
    """Round an instant up to a multiple of `width_ms`."""
    return ms + -ms % width_ms


def minute_end_ms(ms: int) -> int:
    """Return the end of the minute that contains an instant; some candles open within a minute."""
    return floor_ms(ms, MINUTE_MS) + MINUTE_MS


def format_utc(ms: int) -> str:
    """Format an instant as `2026-01-31T23:59:00Z`, with milliseconds only if there are any."""
    moment = from_epoch_ms(ms)
    spec = "milliseconds" if ms % 1000 else "seconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")


@dataclass(frozen=True, order=True)
class Window:
    """A half-open range of time, `start_ms` <= t < `end_ms`, in epoch milliseconds."""

    start_ms: int
    end_ms: int

    @classmethod
    def of_day(cls, day: date) -> Self:
        return cls.of_days(day, day)

    @classmethod
    def of_days(cls, first: date, last: date) -> Self:
        """Whole UTC days, both inclusive."""
        return cls(day_start_ms(first), day_start_ms(last) + DAY_MS)

    @classmethod
    def of_month(cls, day: date) -> Self:
        """The whole calendar month, in UTC, that contains a day."""
        first = day.replace(day=1)
        return cls(day_start_ms(first), day_start_ms((first + timedelta(days=31)).replace(day=1)))

    @property
    def duration_ms(self) -> int:
        return self.end_ms - self.start_ms

    @property
    def minutes(self) -> int:
        """The number of whole minutes."""
        return self.duration_ms // MINUTE_MS

    def __contains__(self, ms: int) -> bool:
        return self.start_ms <= ms < self.end_ms

    def __bool__(self) -> bool:
        return self.start_ms < self.end_ms

    def __and__(self, other: "Window") -> "Window":
        """Return the common part; it is empty (and false) if the windows do not overlap."""
        start = max(self.start_ms, other.start_ms)
        return Window(start, max(start, min(self.end_ms, other.end_ms)))

    def subtract(self, others: Iterable["Window"]) -> Iterator["Window"]:
        """Yield the parts that lie in none of the other windows, oldest first."""
        start = self.start_ms
        for other in sorted(others):
            if part := self & Window(start, other.start_ms):
                yield part
            start = max(start, other.end_ms)
        if rest := self & Window(start, self.end_ms):
            yield rest

    def split_at(self, ms: int) -> tuple["Window", "Window"]:
        """Return the parts before and from an instant; one is empty if the instant is outside."""
        at = min(self.end_ms, max(self.start_ms, ms))
        return Window(self.start_ms, at), Window(at, self.end_ms)

    def iter_days(self) -> Iterator[date]:
        """Yield the UTC days that the window touches, oldest first."""
        if not self:
            return
        day, last = day_of(self.start_ms), day_of(self.end_ms - 1)
        while day <= last:
            yield day
            day += timedelta(days=1)

    def split_by_day(self) -> Iterator["Window"]:
        return (self & Window.of_day(day) for day in self.iter_days())

    def split_by_month(self) -> Iterator["Window"]:
        return (self & Window.of_month(days[0]) for days in group_by_month(self.iter_days()))

    def widen_to(self, width_ms: int) -> "Window":
        """Return the window of all periods of `width_ms` that this window touches."""
        return Window(floor_ms(self.start_ms, width_ms), ceil_ms(self.end_ms, width_ms))

    def narrow_to(self, width_ms: int) -> "Window":
        """Return the window of the periods of `width_ms` that lie inside; empty if none does."""
        start = ceil_ms(self.start_ms, width_ms)
        return Window(start, max(start, floor_ms(self.end_ms, width_ms)))

    def __str__(self) -> str:
        return f"{format_utc(self.start_ms)}..{format_utc(self.end_ms)}"


def cover_windows(windows: Iterable[Window]) -> Window:
    """Return the window from the first start to the last end; an empty one if there is none."""
    listed = list(windows)
    return Window(
        min((window.start_ms for window in listed), default=0),
        max((window.end_ms for window in listed), default=0),
    )


def merge_windows(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Join overlapping and adjacent windows; the result is in ascending order."""
    merged: list[Window] = []
    for window in sorted(windows):
        if merged and window.start_ms <= merged[-1].end_ms:
            window = cover_windows((merged.pop(), window))
        merged.append(window)
    return tuple(merged)


def group_periods(opens: Iterable[int], width_ms: int, max_gap_ms: int = 0) -> Iterator[Window]:
    """Yield windows over periods of one width, given their open times in ascending order.

    Periods with at most `max_gap_ms` between them share a window.
    """
    start = end = None
    for at in opens:
        if start is not None and end is not None and at - end > max_gap_ms:
            yield Window(start, end)
            start = None
        start, end = at if start is None else start, at + width_ms
    if start is not None and end is not None:
        yield Window(start, end)


def group_consecutive_days(days: Iterable[date]) -> Iterator[Window]:
    """Yield windows over runs of consecutive UTC days, given in ascending order."""
    return group_periods(map(day_start_ms, days), DAY_MS)


def group_by_month(days: Iterable[date]) -> Iterator[list[date]]:
    """Yield the days of each calendar month, given in ascending order."""
    return (list(month) for _, month in groupby(days, key=lambda day: (day.year, day.month)))
