"""Numbers, durations, and times as people read them."""

from collections.abc import Callable
from datetime import timedelta

from crypto_assets.market.utc_time import DAY_MS, from_epoch_ms, now_ms

_SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def format_compact(value: float) -> str:
    """Format with three significant digits and a suffix: `1.23B`, `45.6k`, `0.00123`."""
    for size, suffix in _SUFFIXES:
        if abs(value) >= size * 0.9995:
            return f"{value / size:.3g}{suffix}"
    return f"{value:.3g}"


def format_percent(ratio: float) -> str:
    """Format a ratio with its sign: `+1.25%`."""
    return f"{ratio:+.2%}"


def format_signed_change(amount: int, format_amount: Callable[[int], str]) -> str:
    """Format a change with its sign: `+1,234`, `-5.1 MB`, or `no change`."""
    if not amount:
        return "no change"
    return f"{'+' if amount > 0 else '-'}{format_amount(abs(amount))}"


def format_duration(duration: timedelta) -> str:
    """Format the two largest units: `45 s`, `3 min`, `2 h 5 min`, `4 d 3 h`."""
    seconds = max(0, int(duration.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"


def format_runtime(duration: timedelta) -> str:
    """Format a run's duration: `0.4 s`, `12 s`, `3 min`."""
    seconds = duration.total_seconds()
    return f"{seconds:.1f} s" if seconds < 10 else format_duration(duration)


def format_time_since(at_ms: int) -> str:
    """`12 s ago`."""
    return f"{format_duration(timedelta(milliseconds=now_ms() - at_ms))} ago"


def format_time_until(at_ms: int) -> str:
    """`in 3 min`, or `now` if it is due."""
    left = at_ms - now_ms()
    return f"in {format_duration(timedelta(milliseconds=left))}" if left >= 1000 else "now"


def format_timestamp(at_ms: int) -> str:
    """`14:05 UTC`, with the date if it is at least a day away."""
    is_far = abs(at_ms - now_ms()) >= DAY_MS
    return f"{from_epoch_ms(at_ms):{'%d %b %H:%M' if is_far else '%H:%M'}} UTC"
