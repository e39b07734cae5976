"""Apply a flaw to candles or to an order book."""

from collections.abc import Callable
from typing import Any

from crypto_assets.exchange.simulated.faults.rules import ContentFlaw
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.utc_time import DAY_MS

Rows = list[KlineRow]


def apply_row_flaw(rows: Rows, how: ContentFlaw, row: int | None = None, day: int = DAY_MS) -> Any:
    """Return the rows of a klines response with a flaw at `row`, by default the middle one.

    Flaws of order books change nothing. `day` is the length of a day in the rows' unit of time.
    """
    if how is ContentFlaw.NO_ROWS:
        return []
    if how is ContentFlaw.NOT_ROWS:
        return {"data": rows}
    if how is ContentFlaw.DESCENDING:
        return rows[::-1]
    if not rows or how not in (ContentFlaw.OTHER_DAY, *_ONE_ROW):
        return rows
    at = len(rows) // 2 if row is None else row % len(rows)
    if how is ContentFlaw.OTHER_DAY:
        return [*rows[:at], _shift_row_day(rows[at], day), *rows[at + 1 :]]
    return [*rows[:at], *_ONE_ROW[how](rows[at]), *rows[at + 1 :]]


def _shift_row_day(row: KlineRow, day: int) -> KlineRow:
    return [int(row[0]) + day, *row[1:6], int(row[6]) + day, *row[7:]]


def _replace_value(row: KlineRow, index: int, value: Any) -> KlineRow:
    return [*row[:index], value, *row[index + 1 :]]


_ONE_ROW: dict[ContentFlaw, Callable[[KlineRow], Rows]] = {
    ContentFlaw.ARITY: lambda row: [row[:-1]],
    ContentFlaw.NAN: lambda row: [_replace_value(row, 4, "NaN")],
    ContentFlaw.NULL: lambda row: [_replace_value(row, 5, None)],
    ContentFlaw.NEGATIVE_VOLUME: lambda row: [_replace_value(row, 5, "-1.00000000")],
    ContentFlaw.HIGH_BELOW_LOW: lambda row: [
        _replace_value(_replace_value(row, 2, "0.00000001"), 3, row[2])
    ],
    ContentFlaw.TAKER_ABOVE_VOLUME: lambda row: [_replace_value(row, 9, f"9{row[5]}")],
    ContentFlaw.DUPLICATE: lambda row: [row, row],
    ContentFlaw.HOLE: lambda row: [],
}


def apply_book_flaw(book: dict[str, Any], how: ContentFlaw) -> dict[str, Any]:
    """Return an order book with a flaw; flaws of rows change nothing."""
    bids, asks = book["bids"], book["asks"]
    if how is ContentFlaw.CROSSED:
        return {**book, "bids": asks[:1] + bids[1:], "asks": bids[:1] + asks[1:]}
    if how is ContentFlaw.UNSORTED:
        return {**book, "bids": bids[::-1]}
    if how is ContentFlaw.NO_BIDS:
        return {**book, "bids": []}
    if how is ContentFlaw.ZERO_QUANTITY:
        return {**book, "asks": [[asks[0][0], "0.00000000"], *asks[1:]]}
    return book
