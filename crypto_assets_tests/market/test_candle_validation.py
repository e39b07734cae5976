"""Validation separates invalid rows, with the reason, from valid ones."""

from datetime import date

import pytest

from crypto_assets.market.candle_validation import validate_rows
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.utc_time import Window
from crypto_assets_tests.market.test_candles import ROW

_DAY = Window.of_day(date(2021, 3, 23))


def _changed(position: int, value: object) -> KlineRow:
    row: list[object] = list(ROW)
    row[position] = value
    return row  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (_changed(2, "0.90000000"), "high below low"),
        (_changed(3, "0.94890000"), "low above open or close"),
        (_changed(5, "-1.00000000"), "volume is negative"),
        (_changed(9, "18223.60000001"), "taker volume above volume"),
        (_changed(3, "0.00000000"), "a price is not positive"),
        (_changed(8, -1), "trade count is negative"),
        (_changed(0, 1_616_630_400_000), "open time outside its day"),
        (_changed(6, 1_616_537_399_999), "close time before open time"),
        (_changed(1, None), "open is missing"),
        (_changed(1, "NaN"), "unreadable"),
        (_changed(1, 0.94), "unreadable"),
        ([], "unreadable"),
    ],
)
def test_an_invalid_row_is_rejected_and_the_others_are_kept(bad: KlineRow, reason: str) -> None:
    later = _changed(0, 1_616_537_460_000)
    later[6] = 1_616_537_519_999
    validated = validate_rows([ROW, bad, later], _DAY)
    assert validated.candles["open_time"].to_pylist() == [ROW[0], later[0]]
    assert [(reject.position, reject.row) for reject in validated.rejects] == [(1, bad)]
    assert validated.rejects[0].reason.startswith(reason)


def test_valid_rows_pass() -> None:
    validated = validate_rows([ROW], _DAY)
    assert validated.candles.num_rows == 1
    assert not validated.rejects
