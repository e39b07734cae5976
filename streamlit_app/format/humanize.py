"""Numbers and times as people read them: volumes with a suffix, lags in two units."""

from collections.abc import Callable
from datetime import timedelta

_SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def format_compact(value: float) -> str:
    """Three significant digits and a suffix: `1.23B`, `45.6k`, `0.00123`."""
    for size, suffix in _SUFFIXES:
        if abs(value) >= size * 0.9995:
            return f"{value / size:.3g}{suffix}"
    return f"{value:.3g}"


def format_percent(ratio: float) -> str:
    """`+1.25%`, always with its sign."""
    return f"{ratio:+.2%}"


def format_signed_change(amount: int, said: Callable[[int], str]) -> str:
    """`+1,234`, `-5.1 MB`, or `no change`: an amount as `said` says it, with its sign."""
    if not amount:
        return "no change"
    return f"{'+' if amount > 0 else '-'}{said(abs(amount))}"


def format_duration(lag: timedelta) -> str:
    """The two largest units of a stretch of time: `45 s`, `3 min`, `2 h 5 min`, `4 d 3 h`."""
    seconds = max(0, int(lag.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"


def format_runtime(length: timedelta) -> str:
    """How long something ran: `0.4 s`, `12 s`, `3 min`, and longer as `ago` says it."""
    seconds = length.total_seconds()
    return f"{seconds:.1f} s" if seconds < 10 else format_duration(length)
