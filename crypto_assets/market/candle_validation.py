"""Which candles cannot be true, and why: what a row must fulfil to enter the warehouse."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.market.candles import CANDLE_SCHEMA, KlineRow, table_from_rows
from crypto_assets.market.utc_time import Window


@dataclass(frozen=True)
class RejectedRow:
    """A row that was set aside; `position` counts from 0 within its object."""

    position: int
    row: KlineRow
    reason: str


@dataclass(frozen=True)
class ValidatedRows:
    """Rows parted into sane candles (CANDLE_SCHEMA) and rejects."""

    candles: pa.Table
    rejects: tuple[RejectedRow, ...] = ()


def validate_rows(rows: Sequence[KlineRow], window: Window) -> ValidatedRows:
    """Part rows of 12 fields, whose open times must lie in `window`."""
    unreadable: list[RejectedRow] = []
    positions: Sequence[int] = range(len(rows))
    try:
        table = table_from_rows(rows)
    except (ValueError, TypeError, OverflowError):
        table, positions, unreadable = _parse_rows_singly(rows)
    insane = find_invalid_rows(table, window)
    if not insane and not unreadable:
        return ValidatedRows(table)
    rejects = [RejectedRow(positions[i], rows[positions[i]], why) for i, why in insane.items()]
    keep = pa.array([i not in insane for i in range(table.num_rows)], pa.bool_())
    return ValidatedRows(
        table.filter(keep), tuple(sorted([*rejects, *unreadable], key=_by_position))
    )


def find_invalid_rows(candles: pa.Table, window: Window) -> dict[int, str]:
    """Which rows of CANDLE_SCHEMA cannot be true, and why, by their position."""
    return {
        at: reason
        for mask, reason in _iter_violations(candles, window)
        for at in _list_positions(mask)
    }


def is_valid_table(table: pa.Table, window: Window) -> bool:
    """Whether `sift` would set no row of a table aside."""
    return not any(pc.any(mask).as_py() for mask, _ in _iter_violations(table, window))


def _iter_violations(table: pa.Table, window: Window) -> Iterator[tuple[pa.ChunkedArray, str]]:
    """Masks of the rows that break a rule; the last rule that a row breaks names it."""
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
    found: list[int] = pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist()
    return found


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


def _by_position(reject: RejectedRow) -> int:
    return reject.position
