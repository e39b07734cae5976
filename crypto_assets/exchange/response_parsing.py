"""The exchange's JSON, read and held to its shape: what has another is worth asking again."""

from itertools import pairwise
from typing import Any

import orjson

from crypto_assets.errors import ExchangeUnavailable
from crypto_assets.exchange.response import ExchangeResponse
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.utc_time import Window

# Open time, OHLC and volume, close time, quote volume, trades, taker volumes, unused.
_ROW_TYPES = (int, *(str,) * 5, int, str, int, *(str,) * 3)


def parse_json_object(answer: ExchangeResponse, *names: str) -> dict[str, Any]:
    """A JSON object that has these members. Raises ExchangeUnavailable of anything else."""
    body = _parse_json(answer)
    if not isinstance(body, dict) or not all(name in body for name in names):
        raise malformed_response_error(answer, f"no object with {', '.join(names)}")
    return body


def parse_kline_rows(answer: ExchangeResponse, window: Window) -> list[KlineRow]:
    """Rows of 12 fields, ascending, opening within the window.

    Raises ExchangeUnavailable of anything else.
    """
    rows = _parse_json(answer)
    if not isinstance(rows, list):
        raise malformed_response_error(answer, "no array of candles")
    for row in rows:
        if not isinstance(row, list) or tuple(map(type, row)) != _ROW_TYPES:
            raise malformed_response_error(answer, f"no candle of 12 fields: {str(row)[:200]}")
    if any(second[0] <= first[0] for first, second in pairwise(rows)):
        raise malformed_response_error(answer, "its candles do not ascend")
    if rows and not (rows[0][0] in window and rows[-1][0] in window):
        raise malformed_response_error(answer, f"candles outside {window}")
    return rows


def validate_order_book(answer: ExchangeResponse) -> bytes:
    """A depth answer's own bytes, after a look at their shape. Raises ExchangeUnavailable."""
    book = parse_json_object(answer, "lastUpdateId", "bids", "asks")
    sides = book["bids"], book["asks"]
    if type(book["lastUpdateId"]) is not int or not all(map(_is_book_side, sides)):
        raise malformed_response_error(answer, "no order book")
    return answer.body


def _is_book_side(levels: Any) -> bool:
    return isinstance(levels, list) and all(
        isinstance(level, list) and tuple(map(type, level)) == (str, str) for level in levels
    )


def malformed_response_error(answer: ExchangeResponse, flaw: str) -> ExchangeUnavailable:
    return ExchangeUnavailable(f"{answer.url} gave a malformed answer: {flaw}")


def _parse_json(answer: ExchangeResponse) -> Any:
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise malformed_response_error(answer, f"no JSON ({error})") from None
