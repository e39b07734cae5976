"""Read the candles of a symbol with their gaps, including the period that is still forming."""

from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa

from crypto_assets.analytics import find_candle_gaps
from crypto_assets.errors import WrongUse
from crypto_assets.market.candles import CANDLE_COLUMNS
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window
from crypto_assets.reports.candle_periods import (
    CandlePeriodQuery,
    find_known_until,
    read_candle_periods,
)
from crypto_assets.reports.candle_series import CandleGap, CandleSeries, create_empty_series
from crypto_assets.reports.row_limit import RowLimit
from crypto_assets.warehouse import Warehouse

# A series needs both to find its gaps and the candle that is still forming.
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
    """Read candles that open in `start` ≤ t < `end` (epoch ms), at most `limit`, oldest first.

    With both ends given a limit keeps the oldest candles, so that callers can page; otherwise the
    newest. Only `columns` and the two times are read. Gaps cover the whole range, or, if the limit
    leaves candles out, the range up to the next candle. Raises WrongUse for a wrong range or limit,
    UnknownSymbol.
    """
    _check_range(start, end, limit)
    known_until = find_known_until(warehouse, symbol)
    if known_until is None:
        return create_empty_series(symbol, interval)
    window = Window(
        0 if start is None else start, known_until if end is None else min(end, known_until)
    )
    query = CandlePeriodQuery(symbol, interval, known_until, _TIME_COLUMNS.union(columns))
    row_limit = RowLimit(limit, from_end=start is None or end is None)
    # One more row shows whether the limit leaves candles out, and where the gap before them ends.
    extended = read_candle_periods(warehouse, query, window, row_limit.extend(1))
    table = row_limit.apply(extended)
    has_more = extended.num_rows > table.num_rows
    covered = _find_covered_window(query, extended, start, end, has_more=has_more)
    return CandleSeries(
        symbol,
        interval,
        table,
        known_until,
        gaps=_find_gaps(warehouse, query, extended["open_time"].to_pylist(), covered),
        has_more=has_more,
        partial=warehouse.partial_periods.find_open_times(
            symbol, interval, table["open_time"].to_pylist()
        ),
    )


def prepend_history(
    warehouse: Warehouse,
    shown: CandleSeries,
    count: int,
    columns: Iterable[str],
    *,
    flag_partial: bool,
) -> CandleSeries:
    """Return `columns` of the candles shown and of up to `count` candles before them.

    The result has no gaps. Its `partial` includes candles of the history if `flag_partial` is set.
    """
    names, symbol, interval = _TIME_COLUMNS.union(columns), shown.symbol, shown.interval
    query = CandlePeriodQuery(symbol, interval, shown.known_until, names)
    before = Window(0, shown.window.start_ms) if count else Window(0, 0)
    history = read_candle_periods(warehouse, query, before, RowLimit.last(count))
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
        raise WrongUse(f"start ({start}) must be before end ({end})")
    if limit is not None and limit < 1:
        raise WrongUse(f"limit must be 1 or more, not {limit}")
    if limit is None and (start is None or end is None):
        raise WrongUse("without a limit, both start and end are required")


def _find_covered_window(
    query: CandlePeriodQuery,
    extended: pa.Table,
    start: int | None,
    end: int | None,
    *,
    has_more: bool,
) -> Window:
    """Return the window whose gaps a series lists.

    It is the requested range, or the range up to the first candle that the limit leaves out, which
    `extended` contains.
    """
    interval, opened = query.interval, extended["open_time"]
    first_period = None if start is None else interval.ceil(start)
    after_last = None if end is None else interval.ceil(end)
    if not extended.num_rows:
        return Window(first_period or 0, 0 if start is None else after_last or query.known_until)
    first, last = interval.floor(opened[0].as_py()), interval.floor(opened[-1].as_py())
    if has_more and (start is None or end is None):
        first_period = first + interval.ms
    elif has_more:
        after_last = last
    return Window(
        first if first_period is None else first_period,
        last + interval.ms if after_last is None else after_last,
    )


def _find_gaps(
    warehouse: Warehouse, query: CandlePeriodQuery, opened: list[int], window: Window
) -> tuple[CandleGap, ...]:
    """Return the ledger's gaps in the window, and unlisted gaps between candles."""
    if not window:
        return ()
    known = [
        CandleGap(gap.window & window, gap.gap_class)
        for gap in warehouse.gap_ledger.list_gaps(query.symbol, window, from_replica=True)
    ]
    unknown = [
        CandleGap(rest, None)
        for gap_window in find_candle_gaps(opened, query.interval)
        for rest in gap_window.subtract(gap.window for gap in known)
    ]
    return tuple(sorted([*known, *unknown], key=lambda gap: gap.window))
