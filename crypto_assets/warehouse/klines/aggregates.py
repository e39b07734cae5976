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
from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    Window,
    ceil_ms,
    day_of,
    floor_ms,
    group_periods,
)
from crypto_assets.warehouse.catalog import watermarks
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
from crypto_assets.warehouse.engine import arrow_reader
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import is_sqlite
from crypto_assets.warehouse.engine.schema import daily_klines, fact_klines, hourly_klines
from crypto_assets.warehouse.engine.time_filters import match_window
from crypto_assets.warehouse.klines import stale_periods
from crypto_assets.warehouse.klines.rollup_sql import ALL_COLUMNS, select_rollup, select_rollup_at

PERIOD_SCHEMA = CANDLE_SCHEMA.append(pa.field("minute_count", pa.int64()))
_AGGREGATE_TABLES = {Interval.H1: hourly_klines, Interval.D1: daily_klines}
# One statement reads up to so many fresh periods between two stale ones: cheaper than another one.
_MAX_FRESH_PERIODS = 23


@dataclass(frozen=True)
class AggregateResult:
    """Open times of the periods that were computed anew; `written` of them have a candle now."""

    recomputed: tuple[int, ...] = ()
    written: int = 0


class KlineAggregates:
    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def recompute_hours(
        self, symbol: str, window: Window, closed_before_ms: int
    ) -> AggregateResult:
        """Recomputes the window's stale hours that ended before `closed_before_ms`.

        One transaction under the symbol's lock. An hour that lost all its minutes goes.
        """
        symbol_id = self._symbols.get_id(symbol)
        due = _clip_to_closed_periods(window, HOUR_MS, closed_before_ms)
        waiting = stale_periods.select_stale_hours(symbol_id, due).limit(1)
        if not self._database.run_primary_read(lambda c: c.execute(waiting).first()):
            return AggregateResult()
        return self._database.run_write(lambda c: _compute_hours(c, symbol_id, due))

    def recompute_days(self, symbol: str, window: Window, closed_before_ms: int) -> AggregateResult:
        """Recomputes from hours the closed days of which an hour was computed anew.

        The days that the window touches. One that still has a stale hour waits for `hours`.
        """
        symbol_id = self._symbols.get_id(symbol)
        whole = Window(floor_ms(window.start_ms, DAY_MS), window.end_ms)
        due = _clip_to_closed_periods(whole, DAY_MS, closed_before_ms)
        ready = stale_periods.select_computable_days(symbol_id, due).limit(1)
        if not self._database.run_primary_read(lambda c: c.execute(ready).first()):
            return AggregateResult()
        return self._database.run_write(lambda c: _compute_days(c, symbol_id, due))

    def has_stale_hours(self, symbols: Iterable[str], window: Window) -> bool:
        """Whether an hour of the window, of any of the symbols, is yet to be computed."""
        ids = [self._symbols.get_id(name) for name in symbols]
        found = stale_periods.select_stale_of_symbols(ids, window).limit(1)
        return self._database.run_primary_read(lambda c: c.execute(found).first()) is not None

    def list_stale_symbols(self) -> list[str]:
        """Symbols with hours that wait for `hours`, closed or not."""
        ids = set(self._database.run_primary_read(stale_periods.list_stale_symbol_ids))
        return [symbol.name for symbol in self._symbols.list_all() if symbol.symbol_id in ids]

    def list_stale_days(self, before_ms: int) -> list[tuple[str, date]]:
        """Symbols and their UTC days that began before an instant and wait for `hours` or `days`.

        Days that are over have been computed unless a run was cut short.
        """
        names = {symbol.symbol_id: symbol.name for symbol in self._symbols.list_all()}
        rows = self._database.run_primary_read(
            lambda c: c.execute(stale_periods.select_stale_days(before_ms)).all()
        )
        return sorted((names[row.symbol_id], day_of(row.day)) for row in rows)

    def read_candles(
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
        if interval not in _AGGREGATE_TABLES:
            raise WrongUse(f"candles of {interval} are not stored, only 1m, 1h and 1d are")
        symbol_id = self._symbols.get_id(symbol)
        return self._database.run_read(
            lambda c: arrow_reader.read_symbol_rows(
                c,
                _AGGREGATE_TABLES[interval],
                symbol_id,
                window,
                PERIOD_SCHEMA,
                limit=limit,
                newest=newest,
            )
        )


def _clip_to_closed_periods(window: Window, width_ms: int, closed_before_ms: int) -> Window:
    """The window's whole periods that ended before an instant."""
    opening = Window(ceil_ms(window.start_ms, width_ms), ceil_ms(window.end_ms, width_ms))
    return opening & Window(0, floor_ms(closed_before_ms, width_ms))


@dataclass(frozen=True)
class _RollupStep:
    """From which table which periods of which width are computed."""

    parts: Table
    target: Table
    width_ms: int


_HOUR_ROLLUP = _RollupStep(fact_klines, hourly_klines, HOUR_MS)
_DAY_ROLLUP = _RollupStep(hourly_klines, daily_klines, DAY_MS)


def _compute_hours(connection: Connection, symbol_id: int, due: Window) -> AggregateResult:
    mark = watermarks.lock_symbol(connection, symbol_id, ObjectKind.KLINES)
    due = due & Window(mark.purged_before or due.start_ms, due.end_ms)
    opens = stale_periods.list_ascending(
        connection, stale_periods.select_stale_hours(symbol_id, due)
    )
    written = _rewrite_periods(
        connection, symbol_id, _HOUR_ROLLUP, opens, stale_periods.select_stale_hours
    )
    stale_periods.mark_hours_computed(connection, symbol_id, due)
    return AggregateResult(tuple(opens), written)


def _compute_days(connection: Connection, symbol_id: int, due: Window) -> AggregateResult:
    watermarks.lock_symbol(connection, symbol_id, ObjectKind.KLINES)
    opens = stale_periods.list_ascending(
        connection, stale_periods.select_computable_days(symbol_id, due)
    )
    written = _rewrite_periods(
        connection, symbol_id, _DAY_ROLLUP, opens, stale_periods.select_computable_days
    )
    stale_periods.clear_computed_days(connection, symbol_id, opens)
    return AggregateResult(tuple(opens), written)


def _rewrite_periods(
    connection: Connection,
    symbol_id: int,
    source: _RollupStep,
    opens: Sequence[int],
    wanted: Callable[[int, Window], Select[tuple[int]]],
) -> int:
    """Puts the wanted periods, which open at `opens`, in place of what was; returns how many."""
    written = 0
    target, width = source.target, source.width_ms
    for run in group_periods(opens, width, _MAX_FRESH_PERIODS * width):
        outdated = delete(target).where(*match_window(target, symbol_id, run))
        bounds = (run.start_ms, run.end_ms)
        rows = (
            select_rollup_at(wanted(symbol_id, run), source.parts, symbol_id, width)
            if is_sqlite(connection)
            else select_rollup(source.parts, symbol_id, bounds, width)
        )
        inside = bisect_left(opens, run.end_ms) - bisect_left(opens, run.start_ms)
        if inside * width < run.duration_ms:
            # Fresh periods were read along, and are to stay as they are.
            outdated = outdated.where(target.c.open_time.in_(wanted(symbol_id, run)))
            computed = rows.selected_columns["open_time"]
            rows = rows.where(computed.in_(wanted(symbol_id, run)))
        connection.execute(outdated)
        written += connection.execute(insert(target).from_select(ALL_COLUMNS, rows)).rowcount
    return written
