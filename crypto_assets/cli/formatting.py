"""Tables, times and durations as the commands print them."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from rich.console import Console
from rich.table import Table

from crypto_assets.market.utc_time import format_utc


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table with the first column left-aligned and the others right-aligned."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console(width=None if Console().is_terminal else 120).print(table)


def format_utc_minute(ms: int | None) -> str:
    """Format epoch ms as `2025-01-31 12:00` in UTC; `-` for None."""
    return "-" if ms is None else format_utc(ms)[:16].replace("T", " ")


def format_duration_ms(ms: int | None) -> str:
    """Format a duration as `1 day, 2:03:04`; `-` for None."""
    return "-" if ms is None else str(timedelta(seconds=max(0, ms) // 1000))
