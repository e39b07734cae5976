"""Days and times as the app writes them everywhere: `29 Nov 2026, 13:58 UTC`.

A time names its zone. Functions take the zone, so that a page can offer another one than UTC.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise

from crypto_assets.market.utc_time import DAY_MS, from_epoch_ms, now_ms

# The same formats for the columns of Streamlit's tables, and that of its date inputs.
COLUMN_DAY_FORMAT = "D MMM YYYY"
COLUMN_TIME_FORMAT = "D MMM YYYY, HH:mm:ss"
INPUT_DAY_FORMAT = "YYYY-MM-DD"
AXIS_DAY_FORMAT = "%-d %b\n%Y"  # of Plotly


def format_day(day: date) -> str:
    """`29 Nov 2026`."""
    return f"{day.day} {day:%b %Y}"


def format_instant(at_ms: int, zone: tzinfo = UTC, *, seconds: bool = False) -> str:
    """`29 Nov 2026, 13:58 UTC`; `at_ms` is epoch ms."""
    at = from_epoch_ms(at_ms).astimezone(zone)
    return f"{format_day(at)}, {_format_clock(at, seconds)} {at:%Z}"


def format_near_instant(at_ms: int, zone: tzinfo = UTC) -> str:
    """`13:58 UTC`, with the day if it is at least 24 hours away."""
    if abs(at_ms - now_ms()) >= DAY_MS:
        return format_instant(at_ms, zone)
    at = from_epoch_ms(at_ms).astimezone(zone)
    return f"{_format_clock(at, False)} {at:%Z}"


def format_day_range(first: date, last: date) -> str:
    """`22 to 29 Nov 2026`, without what both days have in common; one day as `29 Nov 2026`."""
    if first == last:
        return format_day(last)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {format_day(last)}"
    if first.year == last.year:
        return f"{first.day} {first:%b} to {format_day(last)}"
    return f"{format_day(first)} to {format_day(last)}"


def format_duration(duration: timedelta) -> str:
    """Format the two largest units: `45 s`, `1 min 21 s`, `2 h 5 min`, `4 d 3 h`."""
    seconds = max(0, int(duration.total_seconds()))
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    for (size, unit), (smaller_size, smaller_unit) in pairwise(units):
        if seconds >= size:
            smaller = seconds % size // smaller_size
            largest = f"{seconds // size} {unit}"
            return f"{largest} {smaller} {smaller_unit}" if smaller else largest
    return f"{seconds} s"


def format_runtime(duration: timedelta) -> str:
    """Format a run's duration: `0.4 s`, `12 s`, `3 min 5 s`."""
    seconds = duration.total_seconds()
    return f"{seconds:.1f} s" if seconds < 10 else format_duration(duration)


def format_age(age: timedelta) -> str:
    """Format a duration that grows while it is read: without the seconds from a minute on."""
    seconds = max(0, int(age.total_seconds()))
    return format_duration(timedelta(seconds=seconds if seconds < 60 else seconds // 60 * 60))


def format_time_since(at_ms: int) -> str:
    """`12 s ago`."""
    return f"{format_age(timedelta(milliseconds=now_ms() - at_ms))} ago"


def format_time_until(at_ms: int) -> str:
    """`in 3 min`, or `now` if it is due."""
    left = at_ms - now_ms()
    return f"in {format_age(timedelta(milliseconds=left))}" if left >= 1000 else "now"


def _format_clock(at: datetime, seconds: bool) -> str:
    return f"{at:%H:%M:%S}" if seconds else f"{at:%H:%M}"
