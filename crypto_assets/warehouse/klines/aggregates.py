"""Hours from minutes and days from hours, by the exchange's own rule, where something changed."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
from sqlalchemy import Connection, Select, Table, delete, insert

from crypto_assets.errors import WrongUse
from crypto_assets.market.candles import CANDLE_SCHEMA
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window, day_of, floor_ms
from crypto_assets.warehouse.catalog import watermarks
from crypto_assets.warehouse.catalog.symbols import Symbols
from crypto_assets.warehouse.engine import arrow_reader
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import is_sqlite
from crypto_assets.warehouse.engine.schema import daily_klines, fact_klines, hourly_klines
from crypto_assets.warehouse.klines import stale_periods
from crypto_assets.warehouse.klines.rollup_sql import ALL_COLUMNS, rolled_up, rolled_up_of

PERIOD_SCHEMA = CANDLE_SCHEMA.append(pa.field("minute_count", pa.int64()))
_TABLES = {Interval.H1: hourly_klines, Interval.D1: daily_klines}
# Fresh periods between two stale ones are rather read along than cost a statement of their own.
_READ_ALONG_PERIODS = 24


@dataclass(frozen=True)
class AggregateResult:
    """Open times of the periods that were computed anew; `written` of them have a candle now."""

    recomputed: tuple[int, ...] = ()
    written: int = 0


class Aggregates:
    def __init__(self, database: Database, symbols: Symbols) -> None:
        self._database = database
        self._symbols = symbols

    def hours(self, symbol: str, window: Window, closed_before_ms: int) -> AggregateResult:
        """Recomputes the window's stale hours that ended before `closed_before_ms`.

        One transaction under the symbol's lock. An hour that lost all its minutes goes.
        """
        symbol_id = self._symbols.id_of(symbol)
        due = _closed(window, HOUR_MS, closed_before_ms)
        waiting = stale_periods.waiting_hours(symbol_id, due).limit(1)
        if not self._database.read_primary(lambda c: c.execute(waiting).first()):
            return AggregateResult()
        return self._database.write(lambda c: _compute_hours(c, symbol_id, due))

    def days(self, symbol: str, window: Window, closed_before_ms: int) -> AggregateResult:
        """Recomputes from hours the closed days of which an hour was computed anew.

        The days that the window touches. One that still has a stale hour waits for `hours`.
        """
        symbol_id = self._symbols.id_of(symbol)
        whole = Window(floor_ms(window.start_ms, DAY_MS), window.end_ms)
        due = _closed(whole, DAY_MS, closed_before_ms)
        ready = stale_periods.ready_days(symbol_id, due).limit(1)
        if not self._database.read_primary(lambda c: c.execute(ready).first()):
            return AggregateResult()
        return self._database.write(lambda c: _compute_days(c, symbol_id, due))

    def waiting(self, symbols: Iterable[str], window: Window) -> bool:
        """Whether an hour of the window, of any of the symbols, is yet to be computed."""
        ids = [self._symbols.id_of(name) for name in symbols]
        found = stale_periods.waiting_of(ids, window).limit(1)
        return self._database.read_primary(lambda c: c.execute(found).first()) is not None

    def stale_symbols(self) -> list[str]:
        """Symbols with hours that wait for `hours`, closed or not."""
        ids = set(self._database.read_primary(stale_periods.symbol_ids))
        return [symbol.name for symbol in self._symbols.all() if symbol.symbol_id in ids]

    def uncomputed_days(self, before_ms: int) -> list[tuple[str, date]]:
        """Symbols and their UTC days that began before an instant and wait for `hours` or `days`.

        Days that are over have been computed unless a run was cut short.
        """
        names = {symbol.symbol_id: symbol.name for symbol in self._symbols.all()}
        rows = self._database.read_primary(
            lambda c: c.execute(stale_periods.symbol_days(before_ms)).all()
        )
        return sorted((names[row.symbol_id], day_of(row.day)) for row in rows)

    def read(
        self,
        symbol: str,
        interval: Interval,
        window: Window,
        *,
        limit: int | None = None,
        newest: bool = False,
    ) -> pa.Table:
        """Closed candles of PERIOD_SCHEMA, oldest first; `newest` has a limit keep the end.

        Raises WrongUse for another interval than 1h and 1d.
        """
        if interval not in _TABLES:
            raise WrongUse(f"candles of {interval} are not stored, only 1m, 1h and 1d are")
        symbol_id = self._symbols.id_of(symbol)
        return self._database.read(
            lambda c: arrow_reader.of_symbol(
                c,
                _TABLES[interval],
                symbol_id,
                window,
                PERIOD_SCHEMA,
                limit=limit,
                newest=newest,
            )
        )


def _closed(window: Window, width_ms: int, closed_before_ms: int) -> Window:
    """The window's whole periods that ended before an instant."""
    start = floor_ms(window.start_ms + width_ms - 1, width_ms)
    reach = floor_ms(window.end_ms + width_ms - 1, width_ms)
    return Window(start, max(start, min(reach, floor_ms(closed_before_ms, width_ms))))


@dataclass(frozen=True)
class _Source:
    """From which table which periods of which width are computed."""

    parts: Table
    target: Table
    width_ms: int


_HOURS = _Source(fact_klines, hourly_klines, HOUR_MS)
_DAYS = _Source(hourly_klines, daily_klines, DAY_MS)


def _compute_hours(connection: Connection, symbol_id: int, due: Window) -> AggregateResult:
    mark = watermarks.lock(connection, symbol_id, ObjectKind.KLINES)
    due = due & Window(mark.purged_before or due.start_ms, due.end_ms)
    opens = stale_periods.ascending(connection, stale_periods.waiting_hours(symbol_id, due))
    written = _rewrite(connection, symbol_id, _HOURS, opens, stale_periods.waiting_hours)
    stale_periods.hours_done(connection, symbol_id, due)
    return AggregateResult(tuple(opens), written)


def _compute_days(connection: Connection, symbol_id: int, due: Window) -> AggregateResult:
    watermarks.lock(connection, symbol_id, ObjectKind.KLINES)
    opens = stale_periods.ascending(connection, stale_periods.ready_days(symbol_id, due))
    written = _rewrite(connection, symbol_id, _DAYS, opens, stale_periods.ready_days)
    stale_periods.days_done(connection, symbol_id, opens)
    return AggregateResult(tuple(opens), written)


def _rewrite(
    connection: Connection,
    symbol_id: int,
    source: _Source,
    opens: Sequence[int],
    wanted: Callable[[int, Window], Select[tuple[int]]],
) -> int:
    """Puts the wanted periods, which open at `opens`, in place of what was; returns how many."""
    written = 0
    target, width = source.target, source.width_ms
    for run in stale_periods.runs(opens, width, _READ_ALONG_PERIODS * width):
        outdated = delete(target).where(*stale_periods.inside(target, symbol_id, run))
        bounds = (run.start_ms, run.end_ms)
        rows = (
            rolled_up_of(wanted(symbol_id, run), source.parts, symbol_id, width)
            if is_sqlite(connection)
            else rolled_up(source.parts, symbol_id, bounds, width)
        )
        inside = bisect_left(opens, run.end_ms) - bisect_left(opens, run.start_ms)
        if inside * width < run.end_ms - run.start_ms:
            # Fresh periods were read along, and are to stay as they are.
            outdated = outdated.where(target.c.open_time.in_(wanted(symbol_id, run)))
            computed = rows.selected_columns["open_time"]
            rows = rows.where(computed.in_(wanted(symbol_id, run)))
        connection.execute(outdated)
        written += connection.execute(insert(target).from_select(ALL_COLUMNS, rows)).rowcount
    return written
