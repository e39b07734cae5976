"""Validation of candles: the rules that a row must satisfy to enter the warehouse."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.market.candles import CANDLE_SCHEMA, KlineRow, table_from_rows
from crypto_assets.market.utc_time import Window


@dataclass(frozen=True)
class RejectedRow:
    """An invalid row and the reason; `position` counts from 0 within its object."""

    position: int
    row: KlineRow
    reason: str


@dataclass(frozen=True)
class ValidatedRows:
    """The valid candles (CANDLE_SCHEMA) of an object, and its rejected rows by position."""

    candles: pa.Table
    rejects: tuple[RejectedRow, ...] = ()


def validate_rows(rows: Sequence[KlineRow], window: Window) -> ValidatedRows:
    """Separate valid from invalid rows of 12 fields; open times must lie in `window`."""
    unreadable: list[RejectedRow] = []
    positions: Sequence[int] = range(len(rows))
    try:
        table = table_from_rows(rows)
    except (ValueError, TypeError, OverflowError):
        table, positions, unreadable = _parse_rows_singly(rows)
    invalid = find_invalid_rows(table, window)
    if not invalid and not unreadable:
        return ValidatedRows(table)
    rejects = [RejectedRow(positions[i], rows[positions[i]], why) for i, why in invalid.items()]
    valid = pa.array([i not in invalid for i in range(table.num_rows)], pa.bool_())
    return ValidatedRows(
        table.filter(valid),
        tuple(sorted([*rejects, *unreadable], key=lambda reject: reject.position)),
    )


def find_invalid_rows(candles: pa.Table, window: Window) -> dict[int, str]:
    """Return the reason for each invalid row of a table of CANDLE_SCHEMA, by its position."""
    return {
        at: reason
        for mask, reason in _iter_violations(candles, window)
        for at in _list_positions(mask)
    }


def is_valid_table(table: pa.Table, window: Window) -> bool:
    """Return whether all rows of a table of CANDLE_SCHEMA are valid."""
    return not any(pc.any(mask).as_py() for mask, _ in _iter_violations(table, window))


def _iter_violations(table: pa.Table, window: Window) -> Iterator[tuple[pa.ChunkedArray, str]]:
    """Yield a mask of the rows that break each rule; the last broken rule gives the reason."""
    c = {name: table[name] for name in table.column_names}
    yield pc.less(c["taker_buy_volume"], 0), "taker volume is negative"
    yield pc.less(c["taker_buy_quote_volume"], 0), "taker quote volume is negative"
    yield pc.greater(c["taker_buy_volume"], c["volume"]), "taker volume above volume"
    yield pc.greater(c["taker_buy_quote_volume"], c["quote_volume"]), "taker above quote volume"
    yield pc.less(c["quote_volume"], 0), "quote volume is negative"
    yield pc.less(c["trade_count"], 0), "trade count is negative"
    yield pc.less(c["volume"], 0), "volume is negative"
    yield (
        pc.greater(c["low"], pc.min_element_wise(c["open"], c["close"])),
        "low above open or close",
    )
    yield pc.less(c["high"], pc.max_element_wise(c["open"], c["close"])), "high below open or close"
    yield pc.less(c["high"], c["low"]), "high below low"
    yield pc.less_equal(c["low"], 0), "a price is not positive"
    yield pc.less(c["close_time"], c["open_time"]), "close time before open time"
    inside = pc.and_(
        pc.greater_equal(c["open_time"], window.start_ms), pc.less(c["open_time"], window.end_ms)
    )
    yield pc.invert(inside), "open time outside its day"
    for name in reversed(table.column_names):
        yield pc.is_null(c[name]), f"{name} is missing"


def _list_positions(mask: pa.ChunkedArray) -> list[int]:
    positions: list[int] = pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist()
    return positions


def _parse_rows_singly(rows: Sequence[KlineRow]) -> tuple[pa.Table, list[int], list[RejectedRow]]:
    tables, positions, rejects = [], [], []
    for position, row in enumerate(rows):
        try:
            tables.append(table_from_rows([row]))
            positions.append(position)
        except (ValueError, TypeError, OverflowError) as error:
            rejects.append(RejectedRow(position, row, f"unreadable: {str(error).splitlines()[0]}"))
    table = pa.concat_tables(tables) if tables else CANDLE_SCHEMA.empty_table()
    return table, positions, rejects
