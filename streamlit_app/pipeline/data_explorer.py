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
from crypto_assets.reports import ExplorerDataset, Instrument
from crypto_assets.reports.explorer import MAX_EXPLORER_ROWS
from crypto_assets.reports.table_files import FileKind
from streamlit_app import data
from streamlit_app.components import notices, tables
from streamlit_app.data import pipeline
from streamlit_app.format.decimal_places import DecimalPlaces

_PAGE_ROWS = 100
_PAGE_END_PARAMETER = "before"  # in the address: where the page shown ends, epoch ms
_LABELS = {
    ExplorerDataset.MINUTES: "Minutes",
    ExplorerDataset.HOURS: "Hours",
    ExplorerDataset.DAYS: "Days",
    ExplorerDataset.BOOKS: "Order books",
}
_TIMES = ("open_time", "close_time", "captured_at", "fetched_at")
_PRICES = ("open", "high", "low", "close", "best_bid", "best_ask", "spread")
_MIME = {FileKind.CSV: "text/csv", FileKind.PARQUET: "application/vnd.apache.parquet"}


@st.fragment
def render_data_explorer() -> None:
    with notices.render_errors():
        known = {one.symbol: one for one in data.query_instruments()}
        if not known:
            notices.render_no_symbols()
            return
        dataset, symbol, window = _render_filters(list(known))
        if not window:
            st.warning("The range is empty: let it begin before it ends.")
            return
        _render_page(dataset, known[symbol], window)


def _render_filters(symbols: list[str]) -> tuple[ExplorerDataset, str, Window]:
    today = day_of(now_ms())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        dataset = st.segmented_control(
            "Table",
            list(ExplorerDataset),
            default=ExplorerDataset.MINUTES,
            format_func=_LABELS.__getitem__,
            required=True,
            key="table",
            bind="query-params",
            on_change=_reset_page,
        )
        symbol = st.selectbox(
            "Symbol",
            symbols,
            key="symbol",
            bind="query-params",
            width=170,
            on_change=_reset_page,
        )
        start, end = (
            st.datetime_input(
                label,
                datetime.combine(day, time()),
                key=key,
                bind="query-params",
                width=210,
                on_change=_reset_page,
            )
            for label, key, day in (
                ("From (UTC)", "from", today - timedelta(days=7)),
                ("Until (UTC)", "until", today + timedelta(days=1)),
            )
        )
    # A range without a beginning or an end is one that nothing lies in.
    ends = [to_epoch_ms(each.replace(tzinfo=UTC)) if each else 0 for each in (start, end)]
    return dataset, symbol, Window(*ends)


def _reset_page() -> None:
    st.query_params.pop(_PAGE_END_PARAMETER, None)


def _render_page(dataset: ExplorerDataset, about: Instrument, window: Window) -> None:
    before = _read_page_end()
    found = pipeline.query_rows(dataset, about.symbol, window, before, _PAGE_ROWS)
    if not found.table.num_rows:
        notices.render_empty_state(
            f"No {_LABELS[dataset].lower()} of {about.symbol} in this range."
        )
    else:
        _render_rows(dataset, about, found.table)
    with st.container(horizontal=True, vertical_alignment="center"):
        _render_page_button("Newer", ":material/arrow_back:", found.newer, window.end_ms)
        _render_page_button("Older", ":material/arrow_forward:", found.older, window.end_ms)
        for kind in FileKind:
            _render_download_button(dataset, about.symbol, window, kind)
    st.caption(
        "Newest first; times in UTC. The files hold the whole range, oldest first and to the last "
        f"digit: at most its newest {MAX_EXPLORER_ROWS:,} rows."
    )


def _read_page_end() -> int | None:
    """What the address says, None where that is no instant that has a name."""
    with suppress(WrongUse):
        asked = parse_instant(st.query_params.get(_PAGE_END_PARAMETER, ""))
        return asked if 0 <= asked < 10**14 else None
    return None


def _render_page_button(label: str, icon: str, before: int | None, end: int) -> None:
    """`before` is None where there is no page to turn to."""
    st.button(
        label,
        icon=icon,
        disabled=before is None,
        key=f"turn_{label}",
        on_click=_go_to_page,
        args=(None if before is None or before >= end else before,),
    )


def _go_to_page(before: int | None) -> None:
    """None leads to the first page."""
    if before is None:
        _reset_page()
    else:
        st.query_params[_PAGE_END_PARAMETER] = str(before)


def _render_download_button(
    dataset: ExplorerDataset, symbol: str, window: Window, kind: FileKind
) -> None:
    days = "_".join(f"{from_epoch_ms(ms):%Y%m%dT%H%M}" for ms in (window.start_ms, window.end_ms))
    st.download_button(
        kind.value.upper() if kind is FileKind.CSV else "Parquet",
        lambda: pipeline.export_rows(dataset, symbol, window, kind),
        f"{symbol}_{dataset}_{days}.{kind}",
        _MIME[kind],
        icon=":material/download:",
        on_click="ignore",
        key=f"file_{kind}",
    )


def _render_rows(dataset: ExplorerDataset, about: Instrument, table: pa.Table) -> None:
    names = [name for name in table.column_names if name != "close_time"]
    shown = _build_frame(table)
    prices = [name for name in _PRICES if name in names]
    decimals = DecimalPlaces.for_printed_values(shown[prices], about.digits)
    chosen = tables.render_table(
        shown,
        {name: _build_column(name, shown[name], decimals) for name in names},
        f"{_LABELS[dataset]} of {about.symbol}, newest first",
        key=f"rows_{dataset}",
        **(
            {"on_select": "rerun", "selection_mode": "single-row"}
            if dataset is ExplorerDataset.BOOKS
            else {}
        ),
    )
    if dataset is not ExplorerDataset.BOOKS:
        return
    picked = chosen.selection.rows
    if not picked or picked[0] >= table.num_rows:
        st.caption("Pick a row to see the book's levels.")
        return
    update_id = table["last_update_id"][picked[0]].as_py()
    _render_levels(pipeline.query_order_book(about.symbol, update_id), about)


def _build_frame(table: pa.Table) -> pd.DataFrame:
    """For eyes: decimals as doubles, times as times. The files are exact."""
    frame: pd.DataFrame = table.to_pandas()
    for column in table.schema:
        if pa.types.is_decimal(column.type):
            frame[column.name] = frame[column.name].astype(float)
        elif column.name in _TIMES:
            frame[column.name] = pd.to_datetime(frame[column.name], unit="ms", utc=True)
    return frame


def _build_column(name: str, values: pd.Series, decimals: DecimalPlaces) -> object:
    label = name.replace("_", " ").capitalize()
    if name in _TIMES:
        return tables.time_column(label)
    if name in _PRICES:
        return tables.decimal_column(label, decimals.maximum)
    if name == "mid":
        return tables.decimal_column(label, decimals.midpoint_places.maximum)
    if name in ("source",):
        return st.column_config.TextColumn(label, width="small")
    if name == "partial":
        return st.column_config.CheckboxColumn(
            label, help="The beginning of the period is not stored."
        )
    if name in ("last_update_id", "imbalance"):
        return st.column_config.NumberColumn(label)
    return tables.quantity_column(label, values)


def _render_levels(book: OrderBook | None, about: Instrument) -> None:
    if book is None:
        st.caption("The levels of this snapshot have been retired; its figures stay.")
        return
    prices = [float(level.price) for level in [*book.bids, *book.asks]]
    price = tables.decimal_column(
        "Price", DecimalPlaces.for_printed_values(prices, about.digits).maximum
    )
    st.markdown(f"**Levels at {format_utc(book.captured_at)}**")
    for column, name, side in zip(
        st.columns(2), ("Bids", "Asks"), (book.bids, book.asks), strict=True
    ):
        with column:
            shown = tables.build_table_frame(
                {"price": float(level.price), "quantity": float(level.quantity)} for level in side
            )
            quantities = [float(level.quantity) for level in side]
            tables.render_table(
                shown,
                {
                    "price": price,
                    "quantity": tables.quantity_column(f"{name}, {about.base}", quantities),
                },
                f"{name} of {about.symbol}, best first",
            )
