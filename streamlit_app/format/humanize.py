"""Numbers as people read them; `dates` has days, times and durations."""

from collections.abc import Callable

from rich.filesize import decimal

_SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))


def format_count(count: int, unit: str = "", units: str = "") -> str:
    """Format a count with thousands separators, and its unit: `1 run`, `1,234 runs`.

    `units` is the plural, by default the unit with an s.
    """
    if not unit:
        return f"{count:,}"
    return f"{count:,} {unit if count == 1 else units or f'{unit}s'}"


def format_size(size_bytes: int) -> str:
    """Format a size in decimal units: `21.2 MB`."""
    return decimal(size_bytes)


def format_compact(value: float) -> str:
    """Format with three significant digits and a suffix: `1.23B`, `45.6K`, `0.00123`."""
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
