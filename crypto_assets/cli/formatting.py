"""How the command prints tables and figures for a person."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from rich.console import Console
from rich.table import Table

from crypto_assets.market.utc_time import format_utc


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Names left, figures right; the first column holds the name."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console(width=None if Console().is_terminal else 120).print(table)


def format_utc_minute(ms: int | None) -> str:
    """`2025-01-31 12:00`, UTC."""
    return "-" if ms is None else format_utc(ms)[:16].replace("T", " ")


def format_byte_size(count: int) -> str:
    """Bytes in the unit that leaves one to three digits before the point."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def format_duration_ms(ms: int | None) -> str:
    return "-" if ms is None else str(timedelta(seconds=max(0, ms) // 1000))
