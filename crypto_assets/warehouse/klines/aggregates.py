"""Stored hours and days: roll stale hours up from minutes, and their days from hours.

The rule is the exchange's own; see `rollup_sql`. `stale_periods` decides what is recomputed.
"""

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
# One statement reads as many fresh periods between two stale ones: cheaper than another statement.
_MAX_FRESH_PERIODS = 23


@dataclass(frozen=True)
class AggregateResult:
    """Open times of the recomputed periods; `written` counts those that have a candle now."""

    recomputed: tuple[int, ...] = ()
    written: int = 0


class KlineAggregates:
    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def recompute_hours(
        self, symbol: str, window: Window, closed_before_ms: int
    ) -> AggregateResult:
        """Recompute the stale hours of a window that ended before `closed_before_ms`.

        One transaction under the symbol's lock. An hour without minutes is deleted. Raises
        UnknownSymbol.
        """
        symbol_id = self._symbols.get_id(symbol)
        due = _clip_to_closed_periods(window, HOUR_MS, closed_before_ms)
        stale = stale_periods.select_stale_hours(symbol_id, due).limit(1)
        if not self._database.run_primary_read(lambda c: c.execute(stale).first()):
            return AggregateResult()
        return self._database.run_write(lambda c: _compute_hours(c, symbol_id, due))

    def recompute_days(self, symbol: str, window: Window, closed_before_ms: int) -> AggregateResult:
        """Recompute the stale days that a window touches and that ended before an instant.

        One transaction under the symbol's lock. A day with a stale hour is left out until
        `recompute_hours` has computed that hour. Raises UnknownSymbol.
        """
        symbol_id = self._symbols.get_id(symbol)
        due = _clip_to_closed_periods(window.widen_to(DAY_MS), DAY_MS, closed_before_ms)
        ready = stale_periods.select_computable_days(symbol_id, due).limit(1)
        if not self._database.run_primary_read(lambda c: c.execute(ready).first()):
            return AggregateResult()
        return self._database.run_write(lambda c: _compute_days(c, symbol_id, due))

    def has_stale_hours(self, symbols: Iterable[str], window: Window) -> bool:
        """Return whether an hour of the window is stale, for any of the symbols."""
        ids = [self._symbols.get_id(name) for name in symbols]
        statement = stale_periods.select_stale_of_symbols(ids, window).limit(1)
        return self._database.run_primary_read(lambda c: c.execute(statement).first()) is not None

    def list_stale_days(self, before_ms: int) -> list[tuple[str, date]]:
        """List symbols and UTC days that have a stale hour or are stale, before an instant.

        A past day is listed only if a run was interrupted.
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
        """Read stored candles of an interval as PERIOD_SCHEMA, oldest first.

        With `newest`, a limit keeps the window's end instead of its start. Raises WrongUse unless
        the interval is 1h or 1d, and UnknownSymbol.
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
    """Return the window of the periods that open in a window and ended before an instant."""
    opening = Window(ceil_ms(window.start_ms, width_ms), ceil_ms(window.end_ms, width_ms))
    return opening & Window(0, floor_ms(closed_before_ms, width_ms))


@dataclass(frozen=True)
class _RollupStep:
    """Periods of `width_ms` in the table `target` are rolled up from the table `parts`."""

    parts: Table
    target: Table
    width_ms: int


_HOUR_ROLLUP = _RollupStep(fact_klines, hourly_klines, HOUR_MS)
_DAY_ROLLUP = _RollupStep(hourly_klines, daily_klines, DAY_MS)


def _compute_hours(connection: Connection, symbol_id: int, due: Window) -> AggregateResult:
    mark = watermarks.lock_symbol(connection, symbol_id, ObjectKind.KLINES)
    _, due = due.split_at(mark.purged_before or 0)
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
    step: _RollupStep,
    opens: Sequence[int],
    select_opens: Callable[[int, Window], Select[tuple[int]]],
) -> int:
    """Replace the stored periods that open at `opens`, ascending; returns how many were written.

    `select_opens` selects those of them in a window.
    """
    written = 0
    target, width = step.target, step.width_ms
    for window in group_periods(opens, width, _MAX_FRESH_PERIODS * width):
        outdated = delete(target).where(*match_window(target, symbol_id, window))
        bounds = (window.start_ms, window.end_ms)
        rows = (
            select_rollup_at(select_opens(symbol_id, window), step.parts, symbol_id, width)
            if is_sqlite(connection)
            else select_rollup(step.parts, symbol_id, bounds, width)
        )
        inside = bisect_left(opens, window.end_ms) - bisect_left(opens, window.start_ms)
        if inside * width < window.duration_ms:
            # The statement reads fresh periods too: they stay as they are.
            outdated = outdated.where(target.c.open_time.in_(select_opens(symbol_id, window)))
            computed = rows.selected_columns["open_time"]
            rows = rows.where(computed.in_(select_opens(symbol_id, window)))
        connection.execute(outdated)
        written += connection.execute(insert(target).from_select(ALL_COLUMNS, rows)).rowcount
    return written
