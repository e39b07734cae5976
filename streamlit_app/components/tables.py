"""Tables of the pages: times in UTC, thousands separators, and readable sizes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import ArrayLike

from streamlit_app.format import dates, humanize
from streamlit_app.format.decimal_places import DecimalPlaces

# Tables of more rows have a fixed height and scroll.
_MAX_UNSCROLLED_ROWS = 12
_HEIGHT = 460
# The localized format has three decimals: smaller numbers would show one digit at most.
_MIN_LOCALIZED = 0.01


def time_column(label: str, help_text: str | None = None) -> Any:
    """A column of times, which `build_table_frame` converts from epoch ms."""
    return st.column_config.DatetimeColumn(
        label, format=dates.COLUMN_TIME_FORMAT, timezone="UTC", help=help_text
    )


def day_column(label: str) -> Any:
    """A column of UTC days."""
    return st.column_config.DateColumn(label, format=dates.COLUMN_DAY_FORMAT)


def count_column(label: str, help_text: str | None = None) -> Any:
    """A column of numbers with thousands separators."""
    return st.column_config.NumberColumn(label, format="localized", help=help_text)


def decimal_column(label: str, decimals: int) -> Any:
    """A column of numbers with a fixed number of decimals."""
    return st.column_config.NumberColumn(label, format=f"%.{decimals}f")


def quantity_column(label: str, values: ArrayLike) -> Any:
    """A column of amounts with thousands separators, or with enough decimals for small ones."""
    amounts = np.abs(np.asarray(values, np.float64))
    smallest = amounts.min(where=amounts > 0, initial=np.inf)
    if smallest >= _MIN_LOCALIZED:
        return count_column(label)
    return decimal_column(label, DecimalPlaces.for_printed_values(values, 0).maximum)


def size_column(label: str) -> Any:
    """A column of sizes, which `build_table_frame` formats from bytes.

    The browser's own format would write `mB`.
    """
    return st.column_config.TextColumn(label, alignment="right")


def build_table_frame(
    rows: Iterable[Mapping[str, Any]], times: Sequence[str] = (), sizes: Sequence[str] = ()
) -> pd.DataFrame:
    """Build a frame. Columns in `times` hold epoch ms or None; columns in `sizes` hold bytes."""
    frame = pd.DataFrame(list(rows))
    for name in sizes:
        frame[name] = [humanize.format_size(size) for size in frame[name]]
    for name in times:
        if name in frame:
            frame[name] = pd.to_datetime(frame[name].astype("Int64"), unit="ms", utc=True)
    return frame


def render_table(frame: pd.DataFrame, columns: Mapping[str, Any], alt: str, **options: Any) -> Any:
    """Draw a table of the given columns. `alt` is its text for screen readers."""
    return st.dataframe(
        frame,
        hide_index=True,
        column_config=dict(columns),
        column_order=list(columns),
        height="content" if len(frame) <= _MAX_UNSCROLLED_ROWS else _HEIGHT,
        alt=alt,
        **options,
    )
