"""The exchange's own rule for larger candles, as SQL over a symbol's rows of one table.

The same rule as `market.rollup.roll_up`: open, high and low from the parts with volume, or from all
where there is none; close from the last part; volumes and trades are sums.
"""

from typing import Any

from sqlalchemy import Integer, Select, Table, and_, case, func, literal, select

from crypto_assets.market.clock import Window

_SUMS = ("volume", "quote_volume", "trade_count", "taker_buy_volume", "taker_buy_quote_volume")


def rolled_up(
    table: Table, symbol_id: int, window: Window, width_ms: int, wanted: Select[tuple[int]]
) -> tuple[list[str], Select[Any]]:
    """Names and a SELECT of the wanted periods of `width_ms`, whose parts lie in the window.

    One pass over the parts' key finds each period's extremes and sums; its first price and its
    last are then looked up by the key. The periods' grid starts at the epoch.
    """
    period = _periods(table, symbol_id, window, width_ms).subquery("period")
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
    statement = select(*labelled).select_from(source).where(period.c.open_time.in_(wanted))
    return list(columns), statement


def _periods(table: Table, symbol_id: int, window: Window, width_ms: int) -> Select[Any]:
    part = table.c
    start = part.open_time - part.open_time % width_ms
    traded = part.volume > 0
    count = func.sum(part.minute_count) if "minute_count" in part else func.count()

    def quoting(aggregate: Any, column: Any) -> Any:
        """The aggregate over the parts with volume, or over all where there is none."""
        return func.coalesce(aggregate(case((traded, column))), aggregate(column))

    return (
        select(
            start.label("open_time"),
            quoting(func.min, part.open_time).label("first_time"),
            func.max(part.open_time).label("last_time"),
            quoting(func.max, part.high).label("high"),
            quoting(func.min, part.low).label("low"),
            *(func.sum(part[name]).label(name) for name in _SUMS),
            count.label("minute_count"),
        )
        .where(part.symbol_id == symbol_id)
        .where(part.open_time >= window.start_ms, part.open_time < window.end_ms)
        .group_by(start)
    )
