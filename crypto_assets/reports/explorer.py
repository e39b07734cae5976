"""Rows of a table as they are held, a page at a time: found by the key, never by counting."""

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from crypto_assets.errors import WrongUse
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window
from crypto_assets.reports.candle_series import add_partial_column
from crypto_assets.warehouse import Warehouse

MAX_EXPLORER_ROWS = 100_000


class ExplorerDataset(StrEnum):
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    BOOKS = "books"

    @property
    def time_column(self) -> str:
        """The column by which rows stand in order."""
        return "captured_at" if self is ExplorerDataset.BOOKS else "open_time"


@dataclass(frozen=True)
class RowPage:
    """A page, newest first. `older` and `newer` are the `before` of the pages beside it.

    They are None where there is no such page; `newer` is the window's end where that is the first.
    """

    table: pa.Table
    older: int | None
    newer: int | None


def read_row_page(
    warehouse: Warehouse,
    dataset: ExplorerDataset,
    symbol: str,
    window: Window,
    before: int | None = None,
    limit: int = 100,
) -> RowPage:
    """At most `limit` rows of the window (epoch ms) that lie before an instant.

    Hours and days have `partial` too: whether the beginning of the period is not stored.

    Raises UnknownSymbol, WrongUse.
    """
    if not 1 <= limit <= MAX_EXPLORER_ROWS:
        raise WrongUse(f"limit must be 1 to {MAX_EXPLORER_ROWS:,}, not {limit}")
    past, rest = window.split_at(window.end_ms if before is None else before)
    found = _read_dataset(warehouse, dataset, symbol, past, limit + 1, True)
    shown = found.slice(max(0, found.num_rows - limit))
    more = found.num_rows > limit
    return RowPage(
        shown.take(pa.array(range(shown.num_rows - 1, -1, -1), pa.int64())),
        older=shown[dataset.time_column][0].as_py() if more else None,
        newer=_find_newer_page(warehouse, dataset, symbol, rest, limit),
    )


def read_all_rows(
    warehouse: Warehouse, dataset: ExplorerDataset, symbol: str, window: Window
) -> pa.Table:
    """Rows of the window, oldest first; the newest `MAX_ROWS` where there are more."""
    return _read_dataset(warehouse, dataset, symbol, window, MAX_EXPLORER_ROWS, True)


def _find_newer_page(
    warehouse: Warehouse, dataset: ExplorerDataset, symbol: str, after: Window, limit: int
) -> int | None:
    if not after:
        return None
    next_ones = _read_dataset(warehouse, dataset, symbol, after, limit + 1, False)[
        dataset.time_column
    ]
    if not len(next_ones):
        return None
    return next_ones[limit].as_py() if len(next_ones) > limit else after.end_ms


def _read_dataset(
    warehouse: Warehouse,
    dataset: ExplorerDataset,
    symbol: str,
    window: Window,
    limit: int,
    newest: bool,
) -> pa.Table:
    if dataset is ExplorerDataset.MINUTES:
        return warehouse.facts.read_fetched_candles(symbol, window, limit=limit, newest=newest)
    if dataset is ExplorerDataset.BOOKS:
        return warehouse.order_books.read_snapshots(symbol, window, limit=limit, newest=newest)
    interval = Interval.H1 if dataset is ExplorerDataset.HOURS else Interval.D1
    table = warehouse.aggregates.read_candles(symbol, interval, window, limit=limit, newest=newest)
    opens = table["open_time"].to_pylist()
    return add_partial_column(
        table, warehouse.partial_periods.find_open_times(symbol, interval, opens)
    )
