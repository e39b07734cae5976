"""Tables as the pages show them: times in UTC, numbers with thousands, sizes as people say."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from rich.filesize import decimal as file_size

# Up to so many rows a table is as tall as they are; longer ones scroll inside.
_ROWS = 12
_HEIGHT = 460


def moment(label: str, help_text: str | None = None) -> Any:
    """A column of epoch ms that `frame` has made times of."""
    return st.column_config.DatetimeColumn(
        label, format="D MMM YYYY, HH:mm:ss", timezone="UTC", help=help_text
    )


def count(label: str, help_text: str | None = None) -> Any:
    return st.column_config.NumberColumn(label, format="localized", help=help_text)


def size(label: str) -> Any:
    """A column of bytes that `frame` has written out: a browser's own `mB` is a millibyte."""
    return st.column_config.TextColumn(label, alignment="right")


def frame(
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


def show(shown: pd.DataFrame, columns: Mapping[str, Any], alt: str, **options: Any) -> Any:
    """As wide as the page; taller tables scroll inside. `alt` names it for who cannot see it."""
    return st.dataframe(
        shown,
        hide_index=True,
        column_config=dict(columns),
        column_order=list(columns),
        height="content" if len(shown) <= _ROWS else _HEIGHT,
        alt=alt,
        **options,
    )
