"""The data explorer: rows of any table by symbol and time, a page at a time, and as a file."""

from contextlib import suppress
from datetime import UTC, datetime, time, timedelta

import pandas as pd
import pyarrow as pa
import streamlit as st

from crypto_assets.errors import WrongUse
from crypto_assets.market.instant_parsing import parse_instant
from crypto_assets.market.order_book import OrderBook
from crypto_assets.market.utc_time import (
    Window,
    day_of,
    format_utc,
    from_epoch_ms,
    now_ms,
    to_epoch_ms,
)
from crypto_assets.reports import Dataset, Instrument
from crypto_assets.reports.explorer import MAX_ROWS
from crypto_assets.reports.table_files import FileKind
from streamlit_app import data
from streamlit_app.components import notices, tables
from streamlit_app.data import pipeline
from streamlit_app.format.decimal_places import Decimals

_PAGE = 100
_BEFORE = "before"  # in the address: where the page shown ends, epoch ms
_LABELS = {
    Dataset.MINUTES: "Minutes",
    Dataset.HOURS: "Hours",
    Dataset.DAYS: "Days",
    Dataset.BOOKS: "Order books",
}
_TIMES = ("open_time", "close_time", "captured_at", "fetched_at")
_PRICES = ("open", "high", "low", "close", "best_bid", "best_ask", "spread")
_MIME = {FileKind.CSV: "text/csv", FileKind.PARQUET: "application/vnd.apache.parquet"}


@st.fragment
def show() -> None:
    with notices.in_words():
        known = {one.symbol: one for one in data.instruments()}
        if not known:
            notices.no_symbols()
            return
        dataset, symbol, window = _filters(list(known))
        if not window:
            st.warning("The range is empty: let it begin before it ends.")
            return
        _page(dataset, known[symbol], window)


def _filters(symbols: list[str]) -> tuple[Dataset, str, Window]:
    today = day_of(now_ms())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        dataset = st.segmented_control(
            "Table",
            list(Dataset),
            default=Dataset.MINUTES,
            format_func=_LABELS.__getitem__,
            required=True,
            key="table",
            bind="query-params",
            on_change=_from_the_start,
        )
        symbol = st.selectbox(
            "Symbol",
            symbols,
            key="symbol",
            bind="query-params",
            width=170,
            on_change=_from_the_start,
        )
        start, end = (
            st.datetime_input(
                label,
                datetime.combine(day, time()),
                key=key,
                bind="query-params",
                width=210,
                on_change=_from_the_start,
            )
            for label, key, day in (
                ("From (UTC)", "from", today - timedelta(days=7)),
                ("Until (UTC)", "until", today + timedelta(days=1)),
            )
        )
    # A range without a beginning or an end is one that nothing lies in.
    ends = [to_epoch_ms(each.replace(tzinfo=UTC)) if each else 0 for each in (start, end)]
    return dataset, symbol, Window(*ends)


def _from_the_start() -> None:
    st.query_params.pop(_BEFORE, None)


def _page(dataset: Dataset, about: Instrument, window: Window) -> None:
    before = _asked_before()
    found = pipeline.rows(dataset, about.symbol, window, before, _PAGE)
    if not found.table.num_rows:
        notices.nothing(f"No {_LABELS[dataset].lower()} of {about.symbol} in this range.")
    else:
        _rows(dataset, about, found.table)
    with st.container(horizontal=True, vertical_alignment="center"):
        _turn("Newer", ":material/arrow_back:", found.newer, window.end_ms)
        _turn("Older", ":material/arrow_forward:", found.older, window.end_ms)
        for kind in FileKind:
            _download(dataset, about.symbol, window, kind)
    st.caption(
        "Newest first; times in UTC. The files hold the whole range, oldest first and to the last "
        f"digit: at most its newest {MAX_ROWS:,} rows."
    )


def _asked_before() -> int | None:
    """What the address says, None where that is no instant that has a name."""
    with suppress(WrongUse):
        asked = parse_instant(st.query_params.get(_BEFORE, ""))
        return asked if 0 <= asked < 10**14 else None
    return None


def _turn(label: str, icon: str, before: int | None, end: int) -> None:
    """`before` is None where there is no page to turn to."""
    st.button(
        label,
        icon=icon,
        disabled=before is None,
        key=f"turn_{label}",
        on_click=_go_to,
        args=(None if before is None or before >= end else before,),
    )


def _go_to(before: int | None) -> None:
    """None leads to the first page."""
    if before is None:
        _from_the_start()
    else:
        st.query_params[_BEFORE] = str(before)


def _download(dataset: Dataset, symbol: str, window: Window, kind: FileKind) -> None:
    days = "_".join(f"{from_epoch_ms(ms):%Y%m%dT%H%M}" for ms in (window.start_ms, window.end_ms))
    st.download_button(
        kind.value.upper() if kind is FileKind.CSV else "Parquet",
        lambda: pipeline.export(dataset, symbol, window, kind),
        f"{symbol}_{dataset}_{days}.{kind}",
        _MIME[kind],
        icon=":material/download:",
        on_click="ignore",
        key=f"file_{kind}",
    )


def _rows(dataset: Dataset, about: Instrument, table: pa.Table) -> None:
    names = [name for name in table.column_names if name != "close_time"]
    shown = _frame(table)
    prices = [name for name in _PRICES if name in names]
    decimals = Decimals.of_printed(shown[prices], about.digits)
    chosen = tables.show(
        shown,
        {name: _column(name, shown[name], decimals) for name in names},
        f"{_LABELS[dataset]} of {about.symbol}, newest first",
        key=f"rows_{dataset}",
        **(
            {"on_select": "rerun", "selection_mode": "single-row"}
            if dataset is Dataset.BOOKS
            else {}
        ),
    )
    if dataset is not Dataset.BOOKS:
        return
    picked = chosen.selection.rows
    if not picked or picked[0] >= table.num_rows:
        st.caption("Pick a row to see the book's levels.")
        return
    update_id = table["last_update_id"][picked[0]].as_py()
    _levels(pipeline.book(about.symbol, update_id), about)


def _frame(table: pa.Table) -> pd.DataFrame:
    """For eyes: decimals as doubles, times as times. The files are exact."""
    frame: pd.DataFrame = table.to_pandas()
    for column in table.schema:
        if pa.types.is_decimal(column.type):
            frame[column.name] = frame[column.name].astype(float)
        elif column.name in _TIMES:
            frame[column.name] = pd.to_datetime(frame[column.name], unit="ms", utc=True)
    return frame


def _column(name: str, values: pd.Series, decimals: Decimals) -> object:
    label = name.replace("_", " ").capitalize()
    if name in _TIMES:
        return tables.moment(label)
    if name in _PRICES:
        return tables.fixed(label, decimals.most)
    if name == "mid":
        return tables.fixed(label, decimals.of_middle.most)
    if name in ("source",):
        return st.column_config.TextColumn(label, width="small")
    if name == "partial":
        return st.column_config.CheckboxColumn(
            label, help="The beginning of the period is not stored."
        )
    if name in ("last_update_id", "imbalance"):
        return st.column_config.NumberColumn(label)
    return tables.quantity(label, values)


def _levels(book: OrderBook | None, about: Instrument) -> None:
    if book is None:
        st.caption("The levels of this snapshot have been retired; its figures stay.")
        return
    prices = [float(level.price) for level in [*book.bids, *book.asks]]
    price = tables.fixed("Price", Decimals.of_printed(prices, about.digits).most)
    st.markdown(f"**Levels at {format_utc(book.captured_at)}**")
    for column, name, side in zip(
        st.columns(2), ("Bids", "Asks"), (book.bids, book.asks), strict=True
    ):
        with column:
            shown = tables.frame(
                {"price": float(level.price), "quantity": float(level.quantity)} for level in side
            )
            quantities = [float(level.quantity) for level in side]
            tables.show(
                shown,
                {
                    "price": price,
                    "quantity": tables.quantity(f"{name}, {about.base}", quantities),
                },
                f"{name} of {about.symbol}, best first",
            )
