"""Content that a client must not believe: candles and books spoiled in one way each."""

from collections.abc import Callable
from typing import Any

from crypto_assets.exchange.simulated.faults.flaw_types import Spoilage
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.utc_time import DAY_MS

Rows = list[KlineRow]


def spoiled_rows(rows: Rows, how: Spoilage, row: int | None = None, day: int = DAY_MS) -> Any:
    """The rows of a klines answer with one thing wrong at `row` (else the middle one).

    Spoilages of books leave them alone. `day` is the length of a day in the rows' unit of time.
    """
    if how is Spoilage.NO_ROWS:
        return []
    if how is Spoilage.NOT_ROWS:
        return {"data": rows}
    if how is Spoilage.DESCENDING:
        return rows[::-1]
    if not rows or how not in (Spoilage.OTHER_DAY, *_ONE_ROW):
        return rows
    at = len(rows) // 2 if row is None else row % len(rows)
    if how is Spoilage.OTHER_DAY:
        return [*rows[:at], _later(rows[at], day), *rows[at + 1 :]]
    return [*rows[:at], *_ONE_ROW[how](rows[at]), *rows[at + 1 :]]


def _later(row: KlineRow, day: int) -> KlineRow:
    return [int(row[0]) + day, *row[1:6], int(row[6]) + day, *row[7:]]


def _with(row: KlineRow, index: int, value: Any) -> KlineRow:
    return [*row[:index], value, *row[index + 1 :]]


_ONE_ROW: dict[Spoilage, Callable[[KlineRow], Rows]] = {
    Spoilage.ARITY: lambda row: [row[:-1]],
    Spoilage.NAN: lambda row: [_with(row, 4, "NaN")],
    Spoilage.NULL: lambda row: [_with(row, 5, None)],
    Spoilage.NEGATIVE_VOLUME: lambda row: [_with(row, 5, "-1.00000000")],
    Spoilage.HIGH_BELOW_LOW: lambda row: [_with(_with(row, 2, "0.00000001"), 3, row[2])],
    Spoilage.TAKER_ABOVE_VOLUME: lambda row: [_with(row, 9, f"9{row[5]}")],
    Spoilage.DUPLICATE: lambda row: [row, row],
    Spoilage.HOLE: lambda row: [],
}


def spoiled_book(book: dict[str, Any], how: Spoilage) -> dict[str, Any]:
    """A depth answer with one thing wrong; spoilages of rows leave it alone."""
    bids, asks = book["bids"], book["asks"]
    if how is Spoilage.CROSSED:
        return {**book, "bids": asks[:1] + bids[1:], "asks": bids[:1] + asks[1:]}
    if how is Spoilage.UNSORTED:
        return {**book, "bids": bids[::-1]}
    if how is Spoilage.NO_BIDS:
        return {**book, "bids": []}
    if how is Spoilage.ZERO_QUANTITY:
        return {**book, "asks": [[asks[0][0], "0.00000000"], *asks[1:]]}
    return book
