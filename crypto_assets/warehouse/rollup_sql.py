"""The exchange's own rule for larger candles, as SQL over a symbol's rows of one table.

The same rule as `market.rollup.roll_up`: open, high and low from the parts with volume, or from all
where there is none; close from the last part; volumes and trades are sums.
"""

from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Table, and_, case, func, literal, select

from crypto_assets.market.clock import Window

_SUMS = ("volume", "quote_volume", "trade_count", "taker_buy_volume", "taker_buy_quote_volume")


def rolled_up(
    table: Table,
    symbol_id: int,
    window: Window,
    width_ms: int,
    offset_ms: int = 0,
    *,
    by_sorting: bool = False,
) -> tuple[list[str], Select[Any]]:
    """Names and a SELECT of the periods of `width_ms` whose parts lie in the window.

    One pass over the parts' key finds each period's extremes and sums; its first price and its
    last are then looked up by the key. The periods' grid lies `offset_ms` from the epoch.
    `by_sorting` has MySQL sort the parts instead of keeping its sums in a temporary table, which
    takes a fifth less for some thousand parts of some hundred periods.
    """
    halves = _halves(table, symbol_id, window, width_ms, offset_ms)
    if by_sorting:
        halves = halves.prefix_with("SQL_BIG_RESULT", dialect="mysql")
    period = _periods(halves).subquery("period")
    first, last = table.alias("first_part"), table.alias("last_part")
    columns: dict[str, Any] = {
        "symbol_id": literal(symbol_id, Integer),
        "open_time": period.c.open_time,
        "open": first.c.open,
        "high": period.c.high,
        "low": period.c.low,
        "close": last.c.close,
        "close_time": period.c.open_time + (width_ms - 1),
        **{name: period.c[name] for name in _SUMS},
        "minute_count": period.c.minute_count,
    }
    source = period.join(
        first, and_(first.c.symbol_id == symbol_id, first.c.open_time == period.c.first_time)
    ).join(last, and_(last.c.symbol_id == symbol_id, last.c.open_time == period.c.last_time))
    labelled = [column.label(name) for name, column in columns.items()]
    return list(columns), select(*labelled).select_from(source)


def _halves(
    table: Table, symbol_id: int, window: Window, width_ms: int, offset_ms: int
) -> Select[Any]:
    """Each period in two rows at most: its parts with volume, and its silent ones.

    The two are told apart in the last bit of an even number of milliseconds, because the server
    groups by one number in four fifths of the time that conditions on every part would take.
    """
    part = table.c
    since_grid = part.open_time - offset_ms if offset_ms else part.open_time
    start = part.open_time - since_grid % width_ms
    half = start + case((part.volume > 0, 0), else_=1)
    count = func.sum(part.minute_count) if "minute_count" in part else func.count()
    return (
        select(
            half.label("half"),
            func.min(part.open_time).label("first_time"),
            func.max(part.open_time).label("last_time"),
            func.max(part.high).label("high"),
            func.min(part.low).label("low"),
            *(func.sum(part[name]).label(name) for name in _SUMS),
            count.label("minute_count"),
        )
        .where(part.symbol_id == symbol_id)
        .where(part.open_time >= window.start_ms, part.open_time < window.end_ms)
        .group_by(half)
    )


def _periods(halves: Select[Any]) -> Select[Any]:
    half = halves.subquery("half")
    silent = half.c.half % 2
    start = half.c.half - silent

    def quoting(aggregate: Any, name: str) -> ColumnElement[Any]:
        """Of the half with volume, or of the silent one where there is no other."""
        column = half.c[name]
        return func.coalesce(aggregate(case((silent == 0, column))), aggregate(column)).label(name)

    return select(
        start.label("open_time"),
        quoting(func.min, "first_time"),
        func.max(half.c.last_time).label("last_time"),
        quoting(func.max, "high"),
        quoting(func.min, "low"),
        *(func.sum(half.c[name]).label(name) for name in (*_SUMS, "minute_count")),
    ).group_by(start)
