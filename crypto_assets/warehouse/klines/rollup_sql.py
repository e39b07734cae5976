"""The exchange's rule for larger candles, as SQL over a symbol's rows of one table.

The rule is that of `market.rollup.roll_up`: open, high and low come from the parts with volume, or
from all parts if none has any; close comes from the last part; volumes and trades are sums.
`crypto_assets_tests/warehouse/klines/golden/` shows the SQL of each dialect.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    Table,
    and_,
    case,
    func,
    literal,
    select,
)

from crypto_assets.market.candles import CANDLE_COLUMNS
from crypto_assets.market.rollup import SUM_COLUMNS

ALL_COLUMNS = ("symbol_id", *CANDLE_COLUMNS, "minute_count")

BoundValue = int | BindParameter[int]
AggregateFunction = Callable[[Any], ColumnElement[Any]]
# An aggregate function and the column that it is applied to.
Aggregation = tuple[AggregateFunction, ColumnElement[Any]]

# Columns that come from the parts with volume alone, if there are any.
_TRADED_COLUMNS = ("first_time", "high", "low")
# All other columns are sums.
_AGGREGATE_FUNCTIONS: dict[str, AggregateFunction] = {
    "first_time": func.min,
    "last_time": func.max,
    "high": func.max,
    "low": func.min,
}
# Prices that are looked up by the key of one part, and the column that holds its open time.
_EDGE_TIMES = {"open": "first_time", "close": "last_time"}


def select_rollup(
    table: Table,
    symbol_id: BoundValue,
    bounds: tuple[BoundValue, BoundValue],
    width_ms: int,
    offset_ms: int = 0,
    *,
    names: Sequence[str] = ALL_COLUMNS,
    by_sorting: bool = False,
) -> Select[Any]:
    """Select columns of the periods of `width_ms` whose parts open in half-open `bounds`.

    One pass over the parts' key computes each period's extremes and sums; its open and close are
    then looked up by the key. `offset_ms` is the distance of the periods' grid from the epoch.
    `by_sorting` makes MySQL sort the parts instead of keeping sums in a temporary table, which is a
    fifth faster for some thousand parts of some hundred periods.
    """
    within = (
        table.c.symbol_id == symbol_id,
        table.c.open_time >= bounds[0],
        table.c.open_time < bounds[1],
    )
    hints = ["SQL_BIG_RESULT"] if by_sorting else []
    aggregations = _choose_aggregations(table, names)
    opened = table.c.open_time
    start = opened - (opened - offset_ms if offset_ms else opened) % width_ms
    if aggregations.keys().isdisjoint(_TRADED_COLUMNS):
        grouped = _group_parts(start, "open_time", aggregations, hints).where(*within)
    else:
        # A period's start is even, so its last bit can separate parts with and without volume.
        # Grouping by one number takes the servers a fifth less than a condition on every part.
        half = start + case((table.c.volume > 0, 0), else_=1)
        grouped = _join_halves(_group_parts(half, "half", aggregations, hints).where(*within))
    return _add_edge_prices(grouped, table, symbol_id, width_ms, names)


def select_rollup_at(
    opens: Select[tuple[int]], table: Table, symbol_id: int, width_ms: int
) -> Select[Any]:
    """Select all columns of the periods whose open times `opens` selects, in the order of a key.

    For SQLite: each period is a range of the parts' key and is aggregated while the range is read,
    which takes two thirds of the time of sorting the parts. MySQL would read all parts of the
    symbol for each period.
    """
    period = opens.subquery("listed")
    inside = and_(
        table.c.symbol_id == symbol_id,
        table.c.open_time >= period.c.open_time,
        table.c.open_time < period.c.open_time + width_ms,
    )
    traded = table.c.volume > 0
    columns = [
        _prefer_traded(name, function, column, traded).label(name)
        for name, (function, column) in _choose_aggregations(table, ALL_COLUMNS).items()
    ]
    grouped = (
        select(period.c.open_time, *columns)
        .select_from(period.join(table, inside))
        .group_by(period.c.open_time)
    )
    return _add_edge_prices(grouped, table, symbol_id, width_ms, ALL_COLUMNS)


def _choose_aggregations(table: Table, names: Sequence[str]) -> dict[str, Aggregation]:
    """Return what one pass over the parts has to compute for the columns in `names`."""
    part = table.c
    columns = {
        "first_time": part.open_time,
        "last_time": part.open_time,
        "high": part.high,
        "low": part.low,
        **{name: part[name] for name in SUM_COLUMNS},
    }
    needed = {_EDGE_TIMES.get(name, name) for name in names}
    aggregations: dict[str, Aggregation] = {
        name: (_AGGREGATE_FUNCTIONS.get(name, func.sum), column)
        for name, column in columns.items()
        if name in needed
    }
    if "minute_count" in needed:
        # Hours hold the number of minutes that they were built from.
        counted = "minute_count" in part
        aggregations["minute_count"] = (
            (func.sum, part.minute_count) if counted else (func.count, part.open_time)
        )
    return aggregations


def _group_parts(
    key: ColumnElement[int],
    label: str,
    aggregations: dict[str, Aggregation],
    hints: Sequence[str],
) -> Select[Any]:
    columns: list[Any] = [fn(column).label(name) for name, (fn, column) in aggregations.items()]
    # GROUP BY the expression: a label named like a column would group by that column.
    statement = select(key.label(label), *columns).group_by(key)
    for hint in hints:
        statement = statement.prefix_with(hint, dialect="mysql")
    return statement


def _join_halves(halves: Select[Any]) -> Select[Any]:
    """Make each period of at most two rows: its parts with volume (even) and without (odd)."""
    half = halves.subquery("half")
    odd = half.c.half % 2
    start = half.c.half - odd
    columns = [
        _prefer_traded(
            column.name, _AGGREGATE_FUNCTIONS.get(column.name, func.sum), column, odd == 0
        ).label(column.name)
        for column in half.c
        if column.name != "half"
    ]
    return select(start.label("open_time"), *columns).group_by(start)


def _prefer_traded(
    name: str,
    function: AggregateFunction,
    column: ColumnElement[Any],
    traded: ColumnElement[bool],
) -> ColumnElement[Any]:
    """Aggregate a column; one of `_TRADED_COLUMNS` over the traded rows alone if there are any."""
    if name not in _TRADED_COLUMNS:
        return function(column)
    return func.coalesce(function(case((traded, column))), function(column))


def _add_edge_prices(
    grouped: Select[Any], table: Table, symbol_id: BoundValue, width_ms: int, names: Sequence[str]
) -> Select[Any]:
    """Add each period's close time, and the prices of its first and last parts."""
    period = grouped.subquery("period")
    columns: dict[str, Any] = {
        "symbol_id": literal(symbol_id, Integer) if isinstance(symbol_id, int) else symbol_id,
        "close_time": period.c.open_time + (width_ms - 1),
        **dict(period.c.items()),
    }
    source: Any = period
    for name, key in _EDGE_TIMES.items():
        if name in names:
            part = table.alias(f"{key.partition('_')[0]}_part")
            at = and_(part.c.symbol_id == symbol_id, part.c.open_time == period.c[key])
            source, columns[name] = source.join(part, at), part.c[name]
    return select(*(columns[name].label(name) for name in names)).select_from(source)
