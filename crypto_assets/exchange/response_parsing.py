"""The exchange's JSON, read and held to its shape: what has another is worth asking again."""

from itertools import pairwise
from typing import Any

import orjson

from crypto_assets.errors import ExchangeUnavailable
from crypto_assets.exchange.response import Answer
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.utc_time import Window

# Open time, OHLC and volume, close time, quote volume, trades, taker volumes, unused.
_ROW_TYPES = (int, *(str,) * 5, int, str, int, *(str,) * 3)


def read_object(answer: Answer, *names: str) -> dict[str, Any]:
    """A JSON object that has these members. Raises ExchangeUnavailable of anything else."""
    body = _json(answer)
    if not isinstance(body, dict) or not all(name in body for name in names):
        raise malformed(answer, f"no object with {', '.join(names)}")
    return body


def read_rows(answer: Answer, window: Window) -> list[KlineRow]:
    """Rows of 12 fields, ascending, opening within the window.

    Raises ExchangeUnavailable of anything else.
    """
    rows = _json(answer)
    if not isinstance(rows, list):
        raise malformed(answer, "no array of candles")
    for row in rows:
        if not isinstance(row, list) or tuple(map(type, row)) != _ROW_TYPES:
            raise malformed(answer, f"no candle of 12 fields: {str(row)[:200]}")
    if any(second[0] <= first[0] for first, second in pairwise(rows)):
        raise malformed(answer, "its candles do not ascend")
    if rows and not (rows[0][0] in window and rows[-1][0] in window):
        raise malformed(answer, f"candles outside {window}")
    return rows


def read_book(answer: Answer) -> bytes:
    """A depth answer's own bytes, after a look at their shape. Raises ExchangeUnavailable."""
    book = read_object(answer, "lastUpdateId", "bids", "asks")
    sides = book["bids"], book["asks"]
    if type(book["lastUpdateId"]) is not int or not all(map(_is_side, sides)):
        raise malformed(answer, "no order book")
    return answer.body


def _is_side(levels: Any) -> bool:
    return isinstance(levels, list) and all(
        isinstance(level, list) and tuple(map(type, level)) == (str, str) for level in levels
    )


def malformed(answer: Answer, flaw: str) -> ExchangeUnavailable:
    return ExchangeUnavailable(f"{answer.url} gave a malformed answer: {flaw}")


def _json(answer: Answer) -> Any:
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise malformed(answer, f"no JSON ({error})") from None
