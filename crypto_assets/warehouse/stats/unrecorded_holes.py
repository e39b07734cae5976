"""Finds days between a symbol's first and last candle of which nothing is stored."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select, union_all

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, Window, floor_ms
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import (
    daily_klines,
    extraction_metadata,
    kline_gaps,
    symbols,
)
from crypto_assets.warehouse.quality.gap_detection import MissingRange


@dataclass(frozen=True)
class Hole:
    """Whole UTC days of a symbol without a daily candle, or a part of them."""

    symbol: str
    window: Window


class UnrecordedHoles:
    """The holes that loads of days far apart leave, as far as the gap ledger lacks them.

    Found by the daily candles, one row per day; so a hole may have minutes that are stored but not
    aggregated yet.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_holes(self, symbol: str | None = None) -> list[Hole]:
        """List the holes of one or of all tracked symbols, without the parts in the ledger."""
        return self._database.run_primary_read(lambda c: list(find_holes(c, symbol)))


def find_holes(connection: Connection, symbol: str | None) -> Iterator[Hole]:
    """Yield the holes of one or of all tracked symbols, without the parts in the ledger."""
    rows = connection.execute(_select_steps(symbol)).all()
    for (symbol_id, name), steps in groupby(sorted(rows), key=attrgetter("symbol_id", "symbol")):
        for _, _, previous, following in steps:
            window = Window(int(previous) + DAY_MS, floor_ms(int(following), DAY_MS))
            recorded = _list_gap_windows(connection, symbol_id, window)
            yield from (Hole(name, part) for part in window.subtract(recorded))


def _select_steps(symbol: str | None) -> Select[Any]:
    """Select each day with a candle, and the next stored candle if that is days later."""
    tracked: ColumnElement[bool] = symbols.c.active_until.is_(None)
    if symbol is not None:
        tracked = and_(tracked, symbols.c.symbol == symbol)
    day, mark = daily_klines.c, extraction_metadata.c
    days = (
        select(
            day.symbol_id,
            symbols.c.symbol,
            day.open_time.label("previous"),
            func.lead(day.open_time)
            .over(partition_by=day.symbol_id, order_by=day.open_time)
            .label("following"),
        )
        .join(symbols, symbols.c.symbol_id == day.symbol_id)
        .where(tracked)
    )
    newest = (
        select(
            day.symbol_id,
            symbols.c.symbol,
            func.max(day.open_time).label("previous"),
            mark.last_open_time.label("following"),
        )
        .join(symbols, symbols.c.symbol_id == day.symbol_id)
        .join(
            extraction_metadata,
            and_(mark.symbol_id == day.symbol_id, mark.kind == ObjectKind.KLINES.value),
        )
        .where(tracked)
        .group_by(day.symbol_id, symbols.c.symbol, mark.last_open_time)
    )
    steps = union_all(days, newest).subquery("steps")
    return select(steps).where(steps.c.following - steps.c.previous >= 2 * DAY_MS)


def _list_gap_windows(connection: Connection, symbol_id: int, window: Window) -> list[Window]:
    gap = kline_gaps.c
    statement = select(gap.start, gap.end).where(
        gap.symbol_id == symbol_id,
        gap.closed_at.is_(None),
        gap.start < window.end_ms,
        gap.end >= window.start_ms,
    )
    return [MissingRange(start, end).window for start, end in connection.execute(statement)]
