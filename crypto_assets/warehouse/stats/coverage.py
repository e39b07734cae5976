"""What is stored per symbol, per day and in bytes; each figure takes a few key lookups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    Connection,
    Dialect,
    and_,
    distinct,
    func,
    inspect,
    literal,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.types import NullType, TypeEngine

from crypto_assets.batches import iter_batches
from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import (
    DAY_MS,
    MINUTE_MS,
    MINUTES_PER_DAY,
    Window,
    floor_ms,
    group_periods,
    minute_end_ms,
)
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import (
    CANDLE_TABLES,
    daily_klines,
    extraction_metadata,
    fact_klines,
    kline_gaps,
    stale_hours,
    symbols,
)
from crypto_assets.warehouse.engine.time_filters import floor_to_day, match_window
from crypto_assets.warehouse.quality.gap_detection import MissingRange
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from crypto_assets.warehouse.stats.unrecorded_holes import find_holes

_SYMBOLS_PER_STATEMENT = 100
_NOTHING = Window(0, 0)


@dataclass(frozen=True)
class SymbolCoverage:
    """What is stored of a symbol; times in epoch ms, None before the first load.

    `first_open_time` is that of the oldest candle, which may be an hour or a day whose minutes have
    expired. `missing_minutes` and `open_gaps` have no explanation; `explained_minutes` are in gaps
    of the classes with `GapClass.is_explained`. Expired minutes are not counted. The figures with
    `inside` count only the minutes between the first and the last candle. `unloaded_minutes` are
    those between them of which nothing was ever requested: whole days, of which the gap ledger
    has no record either.
    """

    symbol: str
    first_open_time: int | None
    last_open_time: int | None
    rows: int
    missing_minutes: int
    explained_minutes: int
    open_gaps: int
    last_fetch_time: int | None
    purged_before: int | None
    missing_inside: int
    explained_inside: int
    unloaded_minutes: int = 0

    @property
    def share(self) -> float:
        """The share, 0 to 1, of the minutes from the first to the last candle that need nothing.

        They are stored or explained. A minute that the ledger lists as missing counts as missing
        even if other minutes would outweigh it. Gaps before the first candle or after the last one,
        and unloaded minutes, have no part in it. 0 before the first load.
        """
        if self.first_open_time is None:
            return 0.0
        if not self.minutes_expected:
            return 1.0
        absent = self.minutes_expected - self.rows - self.explained_inside
        return max(0.0, min(1.0, 1 - max(absent, self.missing_inside) / self.minutes_expected))

    @property
    def minutes_expected(self) -> int:
        """Minutes from the first to the last candle that were ever requested and not expired."""
        window = _find_stored_window(self.first_open_time, self.last_open_time, self.purged_before)
        return 0 if window is None else window.minutes - self.unloaded_minutes

    def lag_ms(self, now: int) -> int | None:
        """Return how long ago the newest candle closed, None without candles."""
        return None if self.last_open_time is None else now - self.last_open_time - MINUTE_MS


@dataclass(frozen=True)
class _EdgeGap:
    """A gap that reaches beyond the stored candles."""

    gap_class: GapClass
    window: Window


@dataclass(frozen=True)
class _GapCount:
    """Gaps of one class: their number, their minutes, and those between stored candles."""

    gaps: int
    minutes: int
    inside: int


class CoverageStats:
    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def list_by_symbol(self) -> list[SymbolCoverage]:
        """List the coverage of all tracked symbols.

        Row counts and newest times come from the watermarks, the first candle from a key lookup
        in each table of candles, gaps from the ledger.
        """
        return self._database.run_read(_list_coverages)

    def list_stored_windows(self) -> dict[str, Window]:
        """Return the window from the first candle to the end of the newest minute, by symbol.

        Includes untracked symbols, whose candles remain. A symbol without candles has no window.
        """
        return self._database.run_read(_list_stored_windows)

    def count_minutes_by_day(self, symbol: str, window: Window) -> dict[int, int]:
        """Count the stored minutes of each day that the window touches, by its start (epoch ms).

        Reads one row per day of the daily table; for days not aggregated yet, counts the minutes.
        """
        symbol_id = self._symbols.get_id(symbol)
        days = window.widen_to(DAY_MS)
        return self._database.run_read(lambda c: _count_by_day(c, symbol_id, days))

    def find_first_and_last(self, symbol: str, window: Window) -> tuple[int, int] | None:
        """Find the open times of the window's first and last stored minute by two key lookups."""
        symbol_id = self._symbols.get_id(symbol)
        # Two subqueries: for both aggregates in one query, SQLite would read every minute.
        first, last = (
            select(end(fact_klines.c.open_time))
            .where(*match_window(fact_klines, symbol_id, window))
            .scalar_subquery()
            for end in (func.min, func.max)
        )
        ends = self._database.run_read(lambda c: c.execute(select(first, last)).one())
        return None if ends[0] is None else (ends[0], ends[1])

    def read_table_sizes(self) -> dict[str, int]:
        """Return the bytes of each table, as the server estimates them; on SQLite of the file."""
        if self._database.sqlite_path:
            path = self._database.sqlite_path
            files = (path, path.with_name(f"{path.name}-wal"))
            return {path.name: sum(file.stat().st_size for file in files if file.exists())}
        statement = text(
            "SELECT table_name, data_length + index_length FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name"
        )
        rows = self._database.run_read(lambda c: c.execute(statement).all())
        return {name: int(size or 0) for name, size in rows}

    def read_table_columns(self) -> dict[str, dict[str, str]]:
        """Return the columns of each table with their types, as the database describes them.

        The type is "" if the column has none, as SQLite permits, or one that is not known.
        """
        return self._database.run_read(_inspect_columns)


def _inspect_columns(connection: Connection) -> dict[str, dict[str, str]]:
    database = inspect(connection)
    return {
        table: {
            column["name"]: _describe_type(column["type"], connection.dialect)
            for column in database.get_columns(table)
        }
        for table in sorted(database.get_table_names())
    }


def _describe_type(kind: TypeEngine[Any], dialect: Dialect) -> str:
    return "" if isinstance(kind, NullType) else kind.compile(dialect).lower()


def _read_watermarks(connection: Connection, *, untracked: bool = False) -> list[Any]:
    mark = extraction_metadata
    of_symbol = and_(
        mark.c.symbol_id == symbols.c.symbol_id, mark.c.kind == ObjectKind.KLINES.value
    )
    statement = (
        select(
            symbols.c.symbol_id,
            symbols.c.symbol,
            mark.c.last_open_time,
            mark.c.last_fetch_time,
            mark.c.record_count,
            mark.c.purged_before,
        )
        .select_from(symbols.outerjoin(mark, of_symbol))
        .order_by(symbols.c.symbol_id)
    )
    if not untracked:
        statement = statement.where(symbols.c.active_until.is_(None))
    return list(connection.execute(statement))


def _list_stored_windows(connection: Connection) -> dict[str, Window]:
    marks = _read_watermarks(connection, untracked=True)
    firsts = _find_first_candles(connection, [row.symbol_id for row in marks])
    return {
        row.symbol: Window(firsts[row.symbol_id], row.last_open_time + MINUTE_MS)
        for row in marks
        if row.symbol_id in firsts and row.last_open_time is not None
    }


def _find_first_candles(connection: Connection, symbol_ids: Sequence[int]) -> dict[int, int]:
    """Find the open time of each symbol's first candle, in the finest table that covers it.

    One subquery per symbol and table: in a query over all symbols, MySQL would read every minute.
    """
    lookups = [
        select(literal(symbol_id), literal(interval.ms), func.min(table.c.open_time)).where(
            table.c.symbol_id == symbol_id
        )
        for symbol_id in symbol_ids
        for interval, table in CANDLE_TABLES.items()
    ]
    if not lookups:
        return {}
    firsts: dict[int, int] = {}
    rows = connection.execute(union_all(*lookups)).all()
    for symbol_id, width_ms, first in sorted(rows, key=lambda row: int(row[1])):
        finer = firsts.get(symbol_id)
        if first is not None and (finer is None or first + width_ms <= finer):
            firsts[symbol_id] = first
    return firsts


def _list_coverages(connection: Connection) -> list[SymbolCoverage]:
    marks = _read_watermarks(connection)
    firsts = _find_first_candles(connection, [row.symbol_id for row in marks])
    totals = _count_gaps(connection)
    windows = {
        row.symbol_id: window
        for row in marks
        if (
            window := _find_stored_window(
                firsts.get(row.symbol_id), row.last_open_time, row.purged_before
            )
        )
        is not None
    }
    edges = _list_gaps_beyond(connection, windows)
    coverages = []
    for row in marks:
        counts = _subtract_edges(
            totals.get(row.symbol_id, {}),
            edges.get(row.symbol_id, ()),
            windows.get(row.symbol_id),
            row.purged_before or 0,
        )
        explained = [count for kind, count in counts.items() if kind.is_explained]
        missing = [count for kind, count in counts.items() if not kind.is_explained]
        coverages.append(
            SymbolCoverage(
                symbol=row.symbol,
                first_open_time=firsts.get(row.symbol_id),
                last_open_time=row.last_open_time,
                rows=row.record_count or 0,
                missing_minutes=sum(count.minutes for count in missing),
                explained_minutes=sum(count.minutes for count in explained),
                open_gaps=sum(count.gaps for count in missing),
                last_fetch_time=row.last_fetch_time,
                purged_before=row.purged_before,
                missing_inside=sum(count.inside for count in missing),
                explained_inside=sum(count.inside for count in explained),
            )
        )
    return [_exclude_unloaded_days(connection, coverage) for coverage in coverages]


def _exclude_unloaded_days(connection: Connection, coverage: SymbolCoverage) -> SymbolCoverage:
    """Count the days of which nothing was requested; reads them only if whole days are absent."""
    known = coverage.rows + coverage.explained_inside + coverage.missing_inside
    absent = coverage.minutes_expected - known
    if absent < MINUTES_PER_DAY:
        return coverage
    holes = find_holes(connection, coverage.symbol)
    days = sum(hole.window.narrow_to(DAY_MS).minutes for hole in holes)
    return replace(coverage, unloaded_minutes=min(absent, days))


def _find_stored_window(
    first: int | None, last: int | None, purged_before: int | None
) -> Window | None:
    """Return the minutes from the first to the last candle, without expired ones.

    It is empty if all have expired, and None before the first load.
    """
    if first is None or last is None:
        return None if purged_before is None else Window(purged_before, purged_before)
    start = floor_ms(max(first, purged_before or first), MINUTE_MS)
    return Window(start, max(start, minute_end_ms(last)))


def _subtract_edges(
    totals: Mapping[GapClass, tuple[int, int]],
    edges: Sequence[_EdgeGap],
    stored: Window | None,
    purged_before: int,
) -> dict[GapClass, _GapCount]:
    """Count a symbol's gaps without expired minutes, and the minutes inside the stored window.

    `edges` are the gaps that reach beyond that window.
    """
    counts = {}
    for kind, (gaps, minutes) in totals.items():
        inside = 0 if stored is None else minutes
        for edge in edges:
            if edge.gap_class is kind:
                expired, unexpired = edge.window.split_at(purged_before)
                gaps -= not unexpired
                minutes -= expired.minutes
                inside -= edge.window.minutes - (edge.window & (stored or _NOTHING)).minutes
        counts[kind] = _GapCount(gaps, minutes, inside)
    return counts


def _list_gaps_beyond(
    connection: Connection, windows: Mapping[int, Window]
) -> dict[int, list[_EdgeGap]]:
    """List the open gaps that begin before or end after the window of their symbol."""
    found: dict[int, list[_EdgeGap]] = {}
    gap = kline_gaps.c
    for batch in iter_batches(windows.items(), _SYMBOLS_PER_STATEMENT):
        beyond = [
            and_(
                gap.symbol_id == symbol_id,
                or_(gap.start < window.start_ms, gap.end >= window.end_ms),
            )
            for symbol_id, window in batch
        ]
        statement = select(gap.symbol_id, gap["class"], gap.start, gap.end).where(
            gap.closed_at.is_(None), or_(*beyond)
        )
        for symbol_id, kind, start, end in connection.execute(statement):
            edge = _EdgeGap(GapClass(kind), MissingRange(start, end).window)
            found.setdefault(symbol_id, []).append(edge)
    return found


def _count_gaps(connection: Connection) -> dict[int, dict[GapClass, tuple[int, int]]]:
    """Count open gaps and their minutes by symbol and class."""
    kind = kline_gaps.c["class"]
    statement = (
        select(kline_gaps.c.symbol_id, kind, func.count(), func.sum(kline_gaps.c.minutes))
        .where(kline_gaps.c.closed_at.is_(None))
        .group_by(kline_gaps.c.symbol_id, kind)
    )
    counts: dict[int, dict[GapClass, tuple[int, int]]] = {}
    for symbol_id, name, count, minutes in connection.execute(statement):
        counts.setdefault(symbol_id, {})[GapClass(name)] = (count, int(minutes))
    return counts


def _count_by_day(connection: Connection, symbol_id: int, window: Window) -> dict[int, int]:
    daily = select(daily_klines.c.open_time, daily_klines.c.minute_count).where(
        *match_window(daily_klines, symbol_id, window)
    )
    counts: dict[int, int] = {row[0]: row[1] for row in connection.execute(daily)}
    waiting = select(floor_to_day(stale_hours.c.open_time)).where(
        *match_window(stale_hours, symbol_id, window)
    )
    for day in connection.execute(waiting.distinct()).scalars():
        counts.pop(day, None)
    every = range(window.start_ms, window.end_ms, DAY_MS)
    unknown = [day for day in every if day not in counts]
    for run in group_periods(unknown, DAY_MS):
        counts |= _count_facts_by_day(connection, symbol_id, run)
    return {day: counts.get(day, 0) for day in every}


def _count_facts_by_day(connection: Connection, symbol_id: int, window: Window) -> dict[int, int]:
    minute = fact_klines.c.open_time - fact_klines.c.open_time % MINUTE_MS
    day = floor_to_day(fact_klines.c.open_time)
    statement = (
        select(day, func.count(distinct(minute)))
        .where(*match_window(fact_klines, symbol_id, window))
        .group_by(day)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}
