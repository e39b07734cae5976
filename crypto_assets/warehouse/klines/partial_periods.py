"""Partial periods: their beginning is not stored, so open, extremes and sums are incomplete."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Integer, Select, Table, bindparam, func, select

from crypto_assets.batches import iter_batches
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
from crypto_assets.warehouse.engine import arrow_reader
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import (
    CANDLE_TABLES,
    daily_klines,
    fact_klines,
    hourly_klines,
    kline_gaps,
)
from crypto_assets.warehouse.engine.time_filters import KEYS_PER_STATEMENT
from crypto_assets.warehouse.quality.gap_detection import MissingRange
from crypto_assets.warehouse.quality.gap_ledger import GapClass

_CANDLE_WIDTHS_MS = {table: interval.ms for interval, table in CANDLE_TABLES.items()}
# Refused minutes do not belong here: the exchange has an (invalid) row of each.
_UNPUBLISHED_CLASSES = {GapClass.OUTAGE, GapClass.NOT_LISTED, GapClass.DELISTED}


class PartialPeriods:
    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def find_open_times(
        self, symbol: str, interval: Interval, opens: Sequence[int]
    ) -> tuple[int, ...]:
        """Return the open times of the periods that are partial (truth rule 9), ascending.

        `opens` holds the open times (epoch ms), ascending, of periods that have a candle. A period
        is partial if a minute between its open time and its first stored candle is missing, unless
        the gap ledger explains the minute: nothing was published in an outage or before the
        listing. A minute is never partial.

        Reads at most one row per hour or day of the range, and a few rows by key for periods that
        these do not decide. Raises UnknownSymbol.
        """
        if interval is Interval.M1 or not opens:
            return ()
        symbol_id = self._symbols.get_id(symbol)
        return self._database.run_read(
            lambda connection: tuple(
                at
                for at in _find_suspects(connection, symbol_id, interval, opens)
                if _is_partial(connection, symbol_id, Window(at, at + interval.ms))
            )
        )

    def is_partial(self, symbol: str, period: Window) -> bool:
        """Return whether a period that has candles is partial; it opens on a whole minute.

        Raises UnknownSymbol.
        """
        symbol_id = self._symbols.get_id(symbol)
        return self._database.run_read(
            lambda connection: _is_partial(connection, symbol_id, period)
        )


def _find_suspects(
    connection: Connection, symbol_id: int, interval: Interval, opens: Sequence[int]
) -> list[int]:
    """Return the periods for which no stored candle proves that their first minute is stored.

    A complete hour or day proves it for every period that begins in it, which takes few rows. For
    other periods the first minute or hour is looked up by its key.
    """
    if interval.ms < HOUR_MS:
        complete = _find_complete_periods(connection, symbol_id, hourly_klines, opens)
        rest = [at for at in opens if floor_ms(at, HOUR_MS) not in complete]
        return _exclude_complete(connection, symbol_id, fact_klines, rest)
    if interval.ms <= DAY_MS:
        complete = _find_complete_periods(connection, symbol_id, daily_klines, opens)
        rest = [at for at in opens if floor_ms(at, DAY_MS) not in complete]
    else:
        rest = _exclude_complete(connection, symbol_id, daily_klines, opens)
    return _exclude_complete(connection, symbol_id, hourly_klines, rest)


def _find_complete_periods(
    connection: Connection, symbol_id: int, table: Table, opens: Sequence[int]
) -> set[int]:
    """Return the hours or days, from the first to the last of `opens`, that have all minutes."""
    start = floor_ms(opens[0], _CANDLE_WIDTHS_MS[table])
    values = {"id": symbol_id, "start": start, "end": opens[-1] + 1}
    return set(connection.execute(_select_complete_between(table), values).scalars())


def _exclude_complete(
    connection: Connection, symbol_id: int, table: Table, opens: Sequence[int]
) -> list[int]:
    """Return the periods that do not begin with a complete row of the table."""
    complete: set[int] = set()
    for keys in iter_batches(opens, KEYS_PER_STATEMENT):
        values = {"id": symbol_id, "keys": keys}
        complete.update(connection.execute(_select_complete_at(table), values).scalars())
    return [at for at in opens if at not in complete]


@arrow_reader.cache_statements
def _select_complete_between(table: Table) -> Select[Any]:
    opened = table.c.open_time
    return _select_complete_rows(table).where(
        opened >= bindparam("start"), opened < bindparam("end")
    )


@arrow_reader.cache_statements
def _select_complete_at(table: Table) -> Select[Any]:
    keys = bindparam("keys", expanding=True, literal_execute=True, type_=Integer)
    return _select_complete_rows(table).where(table.c.open_time.in_(keys))


def _select_complete_rows(table: Table) -> Select[Any]:
    rows = select(table.c.open_time).where(table.c.symbol_id == bindparam("id"))
    if table is fact_klines:
        return rows
    return rows.where(table.c.minute_count >= _CANDLE_WIDTHS_MS[table] // MINUTE_MS)


def _is_partial(connection: Connection, symbol_id: int, period: Window) -> bool:
    missing = Window(period.start_ms, _find_first_stored(connection, symbol_id, period))
    if not missing:
        return False
    return any(missing.subtract(_find_unpublished_windows(connection, symbol_id, missing)))


def _find_first_stored(connection: Connection, symbol_id: int, period: Window) -> int:
    """Return the start of the period's first candle of any width.

    An hour or a day proves that its minutes were stored, even after they have expired.
    """
    values = {"id": symbol_id, "start": period.start_ms, "end": period.end_ms}
    first = None
    for open_time, width_ms in zip(
        connection.execute(_select_first_times(), values).one(),
        _CANDLE_WIDTHS_MS.values(),
        strict=True,
    ):
        if open_time is not None and (first is None or open_time + width_ms <= first):
            first = floor_ms(int(open_time), MINUTE_MS)
    return period.start_ms if first is None else first


@arrow_reader.cache_statements
def _select_first_times() -> Select[Any]:
    """Select the first open time of a window in each table, each by its key."""
    return select(
        *(
            select(func.min(table.c.open_time))
            .where(
                table.c.symbol_id == bindparam("id"),
                table.c.open_time >= bindparam("start"),
                table.c.open_time < bindparam("end"),
            )
            .scalar_subquery()
            for table in _CANDLE_WIDTHS_MS
        )
    )


def _find_unpublished_windows(
    connection: Connection, symbol_id: int, window: Window
) -> list[Window]:
    """Return the gaps in which nothing was published and that touch a window, ascending.

    Before a listing there was no candle at all, including days that were never fetched.
    """
    values = {"id": symbol_id, "start": window.start_ms, "end": window.end_ms}
    windows = []
    for start, end, name in connection.execute(_select_gaps(), values):
        gap_class = GapClass(name)
        if gap_class in _UNPUBLISHED_CLASSES:
            begin = 0 if gap_class is GapClass.NOT_LISTED else start
            windows.append(MissingRange(begin, end).window)
    return sorted(windows)


@arrow_reader.cache_statements
def _select_gaps() -> Select[Any]:
    table = kline_gaps.c
    return select(table.start, table.end, table["class"]).where(
        table.symbol_id == bindparam("id"),
        table.closed_at.is_(None),
        table.start < bindparam("end"),
        table.end >= bindparam("start"),
    )
