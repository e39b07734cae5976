"""The data explorer: rows of a table by symbol and time, in pages and as a download."""

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
from streamlit_app.format import dates
from streamlit_app.format.decimal_places import DecimalPlaces

_PAGE_ROWS = 100
_PAGE_END_PARAMETER = "before"  # query parameter: the end of the page, in epoch ms
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
        instruments = {instrument.symbol: instrument for instrument in data.query_instruments()}
        if not instruments:
            notices.render_no_symbols()
            return
        dataset, symbol, window = _render_filters(list(instruments))
        if not window:
            st.warning("Empty range: choose a start before the end.")
            return
        _render_page(dataset, instruments[symbol], window)


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
                format=dates.INPUT_DAY_FORMAT,
                bind="query-params",
                width=210,
                on_change=_reset_page,
            )
            for label, key, day in (
                ("From (UTC)", "from", today - timedelta(days=7)),
                ("Until (UTC)", "until", today + timedelta(days=1)),
            )
        )
    # A missing end gives an empty window.
    ends = [to_epoch_ms(moment.replace(tzinfo=UTC)) if moment else 0 for moment in (start, end)]
    return dataset, symbol, Window(*ends)


def _reset_page() -> None:
    st.query_params.pop(_PAGE_END_PARAMETER, None)


def _render_page(dataset: ExplorerDataset, instrument: Instrument, window: Window) -> None:
    before = _read_page_end()
    page = pipeline.query_rows(dataset, instrument.symbol, window, before, _PAGE_ROWS)
    if not page.table.num_rows:
        notices.render_empty_state(
            f"No {_LABELS[dataset].lower()} of {instrument.symbol} in this range."
        )
    else:
        _render_rows(dataset, instrument, page.table)
    with st.container(horizontal=True, vertical_alignment="center"):
        _render_page_button("Newer", ":material/arrow_back:", page.newer, window.end_ms)
        _render_page_button("Older", ":material/arrow_forward:", page.older, window.end_ms)
        for kind in FileKind:
            _render_download_button(dataset, instrument.symbol, window, kind)
    st.caption(
        "Newest first, times in UTC. Downloads contain the whole range with exact decimals, oldest "
        f"first, at most the newest {MAX_EXPLORER_ROWS:,} rows."
    )


def _read_page_end() -> int | None:
    """Return the end of the page from the query parameter, None if it is not a valid time."""
    with suppress(WrongUse):
        before = parse_instant(st.query_params.get(_PAGE_END_PARAMETER, ""))
        return before if 0 <= before < 10**14 else None
    return None


def _render_page_button(label: str, icon: str, before: int | None, end: int) -> None:
    """Draw the button of the page that ends at `before`, disabled for None."""
    st.button(
        label,
        icon=icon,
        disabled=before is None,
        key=f"turn_{label}",
        on_click=_go_to_page,
        args=(None if before is None or before >= end else before,),
    )


def _go_to_page(before: int | None) -> None:
    """Go to the page that ends at `before`, None for the first page."""
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


def _render_rows(dataset: ExplorerDataset, instrument: Instrument, table: pa.Table) -> None:
    names = [name for name in table.column_names if name != "close_time"]
    frame = _build_frame(table)
    prices = [name for name in _PRICES if name in names]
    decimals = DecimalPlaces.for_printed_values(frame[prices], instrument.digits)
    table_state = tables.render_table(
        frame,
        {name: _build_column(name, frame[name], decimals) for name in names},
        f"{_LABELS[dataset]} of {instrument.symbol}, newest first",
        key=f"rows_{dataset}",
        **(
            {"on_select": "rerun", "selection_mode": "single-row"}
            if dataset is ExplorerDataset.BOOKS
            else {}
        ),
    )
    if dataset is not ExplorerDataset.BOOKS:
        return
    selected = table_state.selection.rows
    if not selected or selected[0] >= table.num_rows:
        st.caption("Select a row to see the levels of the order book.")
        return
    update_id = table["last_update_id"][selected[0]].as_py()
    _render_levels(pipeline.query_order_book(instrument.symbol, update_id), instrument)


def _build_frame(table: pa.Table) -> pd.DataFrame:
    """Convert a table for display, decimals to doubles. Downloads are exact."""
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
    if name == "source":
        return st.column_config.TextColumn(label, width="small")
    if name == "partial":
        return st.column_config.CheckboxColumn(
            label, help="The beginning of the period is not stored."
        )
    if name in ("last_update_id", "imbalance"):
        return st.column_config.NumberColumn(label)
    return tables.quantity_column(label, values)


def _render_levels(book: OrderBook | None, instrument: Instrument) -> None:
    if book is None:
        st.caption("The levels of this snapshot have expired; its statistics are kept.")
        return
    prices = [float(level.price) for level in [*book.bids, *book.asks]]
    price = tables.decimal_column(
        "Price", DecimalPlaces.for_printed_values(prices, instrument.digits).maximum
    )
    st.markdown(f"**Levels at {dates.format_instant(book.captured_at, seconds=True)}**")
    for column, name, side in zip(
        st.columns(2), ("Bids", "Asks"), (book.bids, book.asks), strict=True
    ):
        with column:
            levels = tables.build_table_frame(
                {"price": float(level.price), "quantity": float(level.quantity)} for level in side
            )
            quantities = [float(level.quantity) for level in side]
            tables.render_table(
                levels,
                {
                    "price": price,
                    "quantity": tables.quantity_column(f"{name}, {instrument.base}", quantities),
                },
                f"{name} of {instrument.symbol}, best first",
            )
