"""Pages of stored rows for the data explorer; pages are found by key, without counting rows."""

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from crypto_assets.errors import WrongUse
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window
from crypto_assets.reports.candle_series import add_partial_column
from crypto_assets.reports.row_limit import RowLimit
from crypto_assets.warehouse import Warehouse

MAX_EXPLORER_ROWS = 100_000


class ExplorerDataset(StrEnum):
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    BOOKS = "books"

    @property
    def time_column(self) -> str:
        """The column by which rows are sorted."""
        return "captured_at" if self is ExplorerDataset.BOOKS else "open_time"


@dataclass(frozen=True)
class RowPage:
    """A page of rows, newest first.

    `older` and `newer` are the values of `before` for the pages beside it, None if there is no such
    page. `newer` is the end of the window if that page is the first.
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
    """Read at most `limit` rows of the window (epoch ms) before an instant.

    Hours and days have the column `partial`: whether the beginning of the period is not stored.
    Raises UnknownSymbol; WrongUse for a limit out of range.
    """
    if not 1 <= limit <= MAX_EXPLORER_ROWS:
        raise WrongUse(f"limit must be 1 to {MAX_EXPLORER_ROWS:,}, not {limit}")
    earlier, later = window.split_at(window.end_ms if before is None else before)
    row_limit = RowLimit.last(limit)
    # One more row shows whether there is an older page.
    extended = _read_dataset(warehouse, dataset, symbol, earlier, row_limit.extend(1))
    shown = row_limit.apply(extended)
    has_older = extended.num_rows > limit
    return RowPage(
        shown.take(pa.array(range(shown.num_rows - 1, -1, -1), pa.int64())),
        older=shown[dataset.time_column][0].as_py() if has_older else None,
        newer=_find_newer_page(warehouse, dataset, symbol, later, limit),
    )


def read_all_rows(
    warehouse: Warehouse, dataset: ExplorerDataset, symbol: str, window: Window
) -> pa.Table:
    """Read the rows of the window, oldest first; at most the newest MAX_EXPLORER_ROWS."""
    return _read_dataset(warehouse, dataset, symbol, window, RowLimit.last(MAX_EXPLORER_ROWS))


def _find_newer_page(
    warehouse: Warehouse, dataset: ExplorerDataset, symbol: str, after: Window, limit: int
) -> int | None:
    if not after:
        return None
    newer = _read_dataset(warehouse, dataset, symbol, after, RowLimit.first(limit + 1))
    times = newer[dataset.time_column]
    if not len(times):
        return None
    return times[limit].as_py() if len(times) > limit else after.end_ms


def _read_dataset(
    warehouse: Warehouse,
    dataset: ExplorerDataset,
    symbol: str,
    window: Window,
    row_limit: RowLimit,
) -> pa.Table:
    limit, newest = row_limit.count, row_limit.from_end
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
