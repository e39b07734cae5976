"""Tables as the pages show them: times in UTC, numbers with thousands, sizes as people say."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import ArrayLike
from rich.filesize import decimal as file_size

from streamlit_app.format.decimal_places import DecimalPlaces

# Up to so many rows a table is as tall as they are; longer ones scroll inside.
_MAX_UNSCROLLED_ROWS = 12
_HEIGHT = 460
# A browser shows three decimals of a localized number: of less than this, one digit at most.
_LOCALIZED = 0.01


def time_column(label: str, help_text: str | None = None) -> Any:
    """A column of epoch ms that `frame` has made times of."""
    return st.column_config.DatetimeColumn(
        label, format="D MMM YYYY, HH:mm:ss", timezone="UTC", help=help_text
    )


def count_column(label: str, help_text: str | None = None) -> Any:
    return st.column_config.NumberColumn(label, format="localized", help=help_text)


def decimal_column(label: str, decimals: int) -> Any:
    """A column of numbers with so many decimals each."""
    return st.column_config.NumberColumn(label, format=f"%.{decimals}f")


def quantity_column(label: str, values: ArrayLike) -> Any:
    """A column of amounts: with thousands and few decimals, unless some are too small for that."""
    amounts = np.abs(np.asarray(values, np.float64))
    smallest = amounts.min(where=amounts > 0, initial=np.inf)
    if smallest >= _LOCALIZED:
        return count_column(label)
    return decimal_column(label, DecimalPlaces.for_printed_values(values, 0).maximum)


def size_column(label: str) -> Any:
    """A column of bytes that `frame` has written out: a browser's own `mB` is a millibyte."""
    return st.column_config.TextColumn(label, alignment="right")


def build_table_frame(
    rows: Iterable[Mapping[str, Any]], times: Sequence[str] = (), sizes: Sequence[str] = ()
) -> pd.DataFrame:
    """Rows as a frame; columns named in `times` hold epoch ms or None, those in `sizes` bytes."""
    made = pd.DataFrame(list(rows))
    for name in sizes:
        made[name] = [file_size(size) for size in made[name]]
    for name in times:
        if name in made:
            made[name] = pd.to_datetime(made[name].astype("Int64"), unit="ms", utc=True)
    return made


def render_table(shown: pd.DataFrame, columns: Mapping[str, Any], alt: str, **options: Any) -> Any:
    """As wide as the page; taller tables scroll inside. `alt` names it for who cannot see it."""
    return st.dataframe(
        shown,
        hide_index=True,
        column_config=dict(columns),
        column_order=list(columns),
        height="content" if len(shown) <= _MAX_UNSCROLLED_ROWS else _HEIGHT,
        alt=alt,
        **options,
    )
