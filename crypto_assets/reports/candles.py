"""Reads candles of any interval from the coarsest table that serves, forming period included."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from crypto_assets.analytics import gaps as holes_between
from crypto_assets.analytics import resample
from crypto_assets.errors import WrongUse
from crypto_assets.market.candles import CANDLE_COLUMNS, CANDLE_SCHEMA
from crypto_assets.market.clock import DAY_MS, MINUTE_MS, Window, floor_ms
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import TOLD_BY_LAST_PART
from crypto_assets.reports.series import CandleSeries, Gap, empty_series
from crypto_assets.warehouse import Warehouse

# Where an aggregate is not there yet, how far back its parts are read instead. Beyond that an
# aggregation is due, and a chart that waits for it shows a hole rather than reading a year.
_REACH_MS = {Interval.H1: DAY_MS, Interval.D1: 7 * DAY_MS}
_FINER = {Interval.H1: Interval.M1, Interval.D1: Interval.H1}
# What a series must have to tell where its candles lie, and which one is forming.
_TIMES = frozenset({"open_time", "close_time"})


def known_until(warehouse: Warehouse, symbol: str) -> int | None:
    """End of the newest minute that is held (epoch ms), None before the first load."""
    newest = warehouse.watermarks.readable(symbol).last_open_time
    return None if newest is None else floor_ms(newest, MINUTE_MS) + MINUTE_MS


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
    where a limit cut it short, as far as the next candle. Raises WrongUse and UnknownSymbol.
    """
    _check(start, end, limit)
    until = known_until(warehouse, symbol)
    if until is None:
        return empty_series(symbol, interval)
    window = Window(0 if start is None else start, until if end is None else min(end, until))
    newest = start is None or end is None
    question = _Question(symbol, interval, until, _TIMES.union(columns))
    # One more than is answered tells whether there are more, and how long the hole before them is.
    found = _read(warehouse, question, window, None if limit is None else limit + 1, newest)
    table = found if limit is None else _kept(found, limit, newest)
    more = found.num_rows > table.num_rows
    told = _told(question, found, start, end, cut=more)
    gaps = _gaps(warehouse, question, found["open_time"].to_pylist(), told)
    return CandleSeries(symbol, interval, table, until, gaps, more)


def read_history(
    warehouse: Warehouse, shown: CandleSeries, count: int, columns: Iterable[str]
) -> pa.Table:
    """The `count` candles before the first one shown, fewer where history begins."""
    before = Window(0, shown.window.start_ms)
    question = _Question(shown.symbol, shown.interval, shown.known_until, _TIMES.union(columns))
    return _read(warehouse, question, before if count else Window(0, 0), count, newest=True)


def read_closes(warehouse: Warehouse, symbol: str, interval: Interval, window: Window) -> pa.Table:
    """`open_time` and `close` of the candles that open in the window, for who looks at no more."""
    until = known_until(warehouse, symbol) or 0
    question = _Question(symbol, interval, until, frozenset({"open_time", "close"}))
    return _read(warehouse, question, window & Window(0, until), None, newest=False)


def read_parts(
    warehouse: Warehouse,
    symbol: str,
    stored: Interval,
    window: Window,
    until: int,
    limit: int | None = None,
    newest: bool = False,
) -> pa.Table:
    """Rows of a stored interval (1m, 1h, 1d), and after the newest of them the finer ones.

    The closed hours of a day, then the minutes of the hour: what `resample` makes one period of.
    """
    if stored is Interval.M1:
        return warehouse.facts.read(symbol, window, limit=limit, newest=newest)
    closed = warehouse.aggregates.read(symbol, stored, window, limit=limit, newest=newest)
    closed = closed.select(CANDLE_COLUMNS)
    if limit is not None and not newest and closed.num_rows >= limit:
        return closed
    after = closed["open_time"][-1].as_py() + stored.ms if closed.num_rows else window.start_ms
    reach = stored.floor(until - _REACH_MS[stored])
    tail = Window(max(after, reach), window.end_ms)
    if not tail:
        return closed
    return pa.concat_tables([closed, read_parts(warehouse, symbol, _FINER[stored], tail, until)])


def _check(start: int | None, end: int | None, limit: int | None) -> None:
    if start is not None and end is not None and start >= end:
        raise WrongUse(f"start ({start}) must lie before end ({end})")
    if limit is not None and limit < 1:
        raise WrongUse(f"limit must be 1 or more, not {limit}")
    if limit is None and (start is None or end is None):
        raise WrongUse("without a limit both start and end are needed")


@dataclass(frozen=True)
class _Question:
    """Whose candles, known until when, and what of them."""

    symbol: str
    interval: Interval
    until: int
    columns: frozenset[str]

    @property
    def stored(self) -> Interval:
        """The coarsest stored interval that divides the one asked for."""
        return next(s for s in (Interval.D1, Interval.H1, Interval.M1) if self.interval.ms >= s.ms)

    @property
    def names(self) -> list[str]:
        return [name for name in CANDLE_COLUMNS if name in self.columns]


def _read(
    warehouse: Warehouse, asked: _Question, window: Window, limit: int | None, newest: bool
) -> pa.Table:
    if not window:
        return CANDLE_SCHEMA.empty_table().select(asked.names)
    if asked.interval is Interval.M1:
        return _closed(warehouse, asked, window, limit, newest)
    whole = Window(_ceil(asked.interval, window.start_ms), _ceil(asked.interval, window.end_ms))
    rolled, unrolled = _split(warehouse, asked, whole)
    last = _forming(warehouse, asked, unrolled)
    room = limit if limit is None or not newest else max(0, limit - last.num_rows)
    if room == 0:
        return _kept(last, limit or 0, newest)
    first = _closed(warehouse, asked, rolled, room, newest)
    table = pa.concat_tables([first, last])
    return table if limit is None else _kept(table, limit, newest)


def _forming(warehouse: Warehouse, asked: _Question, window: Window) -> pa.Table:
    """The last periods, from the parts of them that there are.

    Of a single one a close is its newest minute's; without a minute there, hours tell it.
    """
    if not window:
        return CANDLE_SCHEMA.empty_table().select(asked.names)
    if (
        asked.columns <= TOLD_BY_LAST_PART
        and asked.interval.floor(window.end_ms - 1) == window.start_ms
    ):
        parts = warehouse.facts.read(asked.symbol, window, limit=1, newest=True)
        if parts.num_rows:
            return resample(parts, asked.interval).select(asked.names)
    parts = read_parts(warehouse, asked.symbol, asked.stored, window, asked.until)
    return resample(parts, asked.interval).select(asked.names)


def _closed(
    warehouse: Warehouse, asked: _Question, window: Window, limit: int | None, newest: bool
) -> pa.Table:
    return warehouse.rolled.read(
        asked.symbol,
        asked.stored,
        asked.interval,
        window,
        columns=asked.columns,
        limit=limit,
        newest=newest,
    )


def _kept(table: pa.Table, limit: int, newest: bool) -> pa.Table:
    return table.slice(max(0, table.num_rows - limit) if newest else 0, limit)


def _split(warehouse: Warehouse, asked: _Question, window: Window) -> tuple[Window, Window]:
    """Where the stored rows hold all that there is, and the last periods, where finer ones add."""
    if asked.stored is Interval.M1:
        return window, Window(window.end_ms, window.end_ms)
    newest = warehouse.aggregates.read(asked.symbol, asked.stored, window, limit=1, newest=True)
    held = newest["open_time"][0].as_py() + asked.stored.ms if newest.num_rows else window.start_ms
    edge = min(window.end_ms, max(window.start_ms, asked.interval.floor(held)))
    return Window(window.start_ms, edge), Window(edge, window.end_ms)


def _ceil(interval: Interval, ms: int) -> int:
    """Start of the first period that does not open before an instant."""
    return -(-(ms - interval.offset_ms) // interval.ms) * interval.ms + interval.offset_ms


def _told(
    asked: _Question, found: pa.Table, start: int | None, end: int | None, *, cut: bool
) -> Window:
    """The periods that an answer tells of: those asked for, or up to the first candle left out."""
    interval, opened = asked.interval, found["open_time"]
    begin = None if start is None else _ceil(interval, start)
    stop = None if end is None else _ceil(interval, end)
    if not found.num_rows:
        return Window(begin or 0, 0 if begin is None else stop or asked.until)
    first, last = interval.floor(opened[0].as_py()), interval.floor(opened[-1].as_py())
    newest = begin is None or stop is None
    if cut and newest:
        begin = first + interval.ms
    elif cut:
        stop = last
    return Window(first if begin is None else begin, last + interval.ms if stop is None else stop)


def _gaps(
    warehouse: Warehouse, asked: _Question, opened: list[int], window: Window
) -> tuple[Gap, ...]:
    """What the ledger knows of the window, and holes between candles that it does not know of."""
    if not window:
        return ()
    known = [
        Gap(Window(gap.start, gap.end + MINUTE_MS) & window, gap.gap_class)
        for gap in warehouse.gaps.list(asked.symbol, window)
    ]
    unknown = [
        Gap(rest, None)
        for hole in holes_between(opened, asked.interval)
        for rest in _without(hole, [gap.window for gap in known])
    ]
    return tuple(sorted([*known, *unknown], key=lambda gap: gap.window))


def _without(hole: Window, known: Iterable[Window]) -> Iterator[Window]:
    """The parts of a hole that lie in none of the windows, which ascend."""
    start = hole.start_ms
    for window in known:
        if part := hole & Window(start, window.start_ms):
            yield part
        start = max(start, window.end_ms)
    if rest := hole & Window(start, hole.end_ms):
        yield rest
