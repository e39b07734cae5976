"""Reads candles of any interval from the coarsest table that serves, forming period included."""

from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa

from crypto_assets.analytics import find_candle_gaps as holes_between
from crypto_assets.errors import WrongUse
from crypto_assets.market.candles import CANDLE_COLUMNS
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window
from crypto_assets.reports.candle_periods import (
    CandlePeriodQuery,
    find_known_until,
    limit_rows,
    read_candle_periods,
)
from crypto_assets.reports.candle_series import CandleGap, CandleSeries, create_empty_series
from crypto_assets.warehouse import Warehouse

# What a series must have to tell where its candles lie, and which one is forming.
_TIME_COLUMNS = frozenset({"open_time", "close_time"})


def read_candles(
    warehouse: Warehouse,
    symbol: str,
    interval: Interval,
    start: int | None = None,
    end: int | None = None,
    limit: int | None = 500,
    columns: Iterable[str] = CANDLE_COLUMNS,
) -> CandleSeries:
    """Candles that open in `start` ≤ t < `end` (epoch ms), at most `limit`, oldest first.

    With both ends given a limit keeps the oldest, so that one may page; else the newest. No limit
    needs both ends. Only these columns and the times are read. Gaps are those of the whole stretch;
    where a limit cut it short, as far as the next candle. Candles whose beginning is not stored are
    named in `partial`. Raises WrongUse and UnknownSymbol.
    """
    _check_range(start, end, limit)
    until = find_known_until(warehouse, symbol)
    if until is None:
        return create_empty_series(symbol, interval)
    window = Window(0 if start is None else start, until if end is None else min(end, until))
    newest = start is None or end is None
    question = CandlePeriodQuery(symbol, interval, until, _TIME_COLUMNS.union(columns))
    # One more than is answered tells whether there are more, and how long the hole before them is.
    found = read_candle_periods(
        warehouse, question, window, None if limit is None else limit + 1, newest
    )
    table = found if limit is None else limit_rows(found, limit, newest)
    more = found.num_rows > table.num_rows
    told = _find_covered_window(question, found, start, end, cut=more)
    gaps = _find_gaps(warehouse, question, found["open_time"].to_pylist(), told)
    partial = warehouse.partial_periods.find_open_times(
        symbol, interval, table["open_time"].to_pylist()
    )
    return CandleSeries(symbol, interval, table, until, gaps, more, partial)


def prepend_history(
    warehouse: Warehouse,
    shown: CandleSeries,
    count: int,
    columns: Iterable[str],
    *,
    flag_partial: bool,
) -> CandleSeries:
    """The `columns` of the candles shown and of the `count` candles before them.

    Fewer where history begins; without gaps. `flag_partial` is whether `partial` names those of
    the candles before.
    """
    names, symbol, interval = _TIME_COLUMNS.union(columns), shown.symbol, shown.interval
    question = CandlePeriodQuery(symbol, interval, shown.known_until, names)
    before = Window(0, shown.window.start_ms) if count else Window(0, 0)
    history = read_candle_periods(warehouse, question, before, count, newest=True)
    opens = history["open_time"].to_pylist() if flag_partial else []
    partial = warehouse.partial_periods.find_open_times(symbol, interval, opens)
    return replace(
        shown,
        table=pa.concat_tables([history, shown.table.select(history.column_names)]),
        gaps=(),
        partial=partial + shown.partial,
    )


def _check_range(start: int | None, end: int | None, limit: int | None) -> None:
    if start is not None and end is not None and start >= end:
        raise WrongUse(f"start ({start}) must lie before end ({end})")
    if limit is not None and limit < 1:
        raise WrongUse(f"limit must be 1 or more, not {limit}")
    if limit is None and (start is None or end is None):
        raise WrongUse("without a limit both start and end are needed")


def _find_covered_window(
    asked: CandlePeriodQuery, found: pa.Table, start: int | None, end: int | None, *, cut: bool
) -> Window:
    """The periods that an answer tells of: those asked for, or up to the first candle left out."""
    interval, opened = asked.interval, found["open_time"]
    begin = None if start is None else interval.ceil(start)
    stop = None if end is None else interval.ceil(end)
    if not found.num_rows:
        return Window(begin or 0, 0 if begin is None else stop or asked.until)
    first, last = interval.floor(opened[0].as_py()), interval.floor(opened[-1].as_py())
    newest = begin is None or stop is None
    if cut and newest:
        begin = first + interval.ms
    elif cut:
        stop = last
    return Window(first if begin is None else begin, last + interval.ms if stop is None else stop)


def _find_gaps(
    warehouse: Warehouse, asked: CandlePeriodQuery, opened: list[int], window: Window
) -> tuple[CandleGap, ...]:
    """What the ledger knows of the window, and holes between candles that it does not know of."""
    if not window:
        return ()
    known = [
        CandleGap(gap.window & window, gap.gap_class)
        for gap in warehouse.gap_ledger.list_gaps(asked.symbol, window)
    ]
    unknown = [
        CandleGap(rest, None)
        for hole in holes_between(opened, asked.interval)
        for rest in hole.subtract(gap.window for gap in known)
    ]
    return tuple(sorted([*known, *unknown], key=lambda gap: gap.window))
