"""Parsing all rows at once gives the same table as parsing them one by one, or an error."""

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_assets.market.candles import KlineRow, table_from_rows
from crypto_assets.market.raw_klines import (
    RawKlines,
    raw_klines_from_text_table,
    table_from_json,
    text_table_from_csv,
)

START = 1_735_689_600_000


def row(minute: int, price: str = "94591.78000000") -> KlineRow:
    opened = START + minute * 60_000
    return [
        *(opened, price, "94600.00000000", "0.00000001", "94591.79000000", "9999999999999.5"),
        *(opened + 59_999, "1.00000000", 12, "0.00000000", "0", "0"),
    ]


ROWS = [row(0), row(1), row(3)]


def test_a_body_parses_to_the_table_of_its_rows() -> None:
    assert table_from_json(orjson.dumps(ROWS)).equals(table_from_rows(ROWS))


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"",
        b"rubbish",
        orjson.dumps(ROWS)[:-40],
        orjson.dumps(ROWS, option=orjson.OPT_INDENT_2),
        orjson.dumps([ROWS]),
        orjson.dumps([row(0)[:-1]]),
        orjson.dumps([[*row(0), "0"]]),
        orjson.dumps([[str(START), *row(0)[1:]]]),
        orjson.dumps([[START, 94591.78, *row(0)[2:]]]),
        orjson.dumps([row(0, "NaN")]),
        orjson.dumps([row(0, "")]),
        orjson.dumps([row(0, "1e3")]),
        orjson.dumps([row(0, "1.2.3")]),
        orjson.dumps([row(0, "0.123456789")]),
        orjson.dumps([row(0, "1234567890123.0")]),
        orjson.dumps(ROWS).replace(b'"9999999999999.5"', b'"null"', 1),
        orjson.dumps(ROWS).replace(b'"0"],', b'"0"]\n,', 1),
    ],
)
def test_other_bodies_are_rejected(body: bytes) -> None:
    with pytest.raises(ValueError):
        table_from_json(body)


DIGITS = st.text("0123456789.-", max_size=24)


@given(st.lists(DIGITS, min_size=9, max_size=9), st.integers(-(2**63), 2**63 - 1))
def test_parsing_at_once_equals_parsing_one_by_one(texts: list[str], whole: int) -> None:
    odd: KlineRow = [whole, *texts[:5], whole, texts[5], whole, *texts[6:8], texts[8]]
    rows = [row(0), odd]
    try:
        table = table_from_json(orjson.dumps(rows))
    except pa.ArrowInvalid:
        return
    assert table.equals(table_from_rows(rows))


def test_csv_lines_convert_to_the_body_that_rest_returns() -> None:
    lines = "".join(",".join(map(str, one)) + "\n" for one in ROWS).encode()
    klines = raw_klines_from_text_table(text_table_from_csv(lines))
    assert klines.body == orjson.dumps(ROWS)
    assert klines.open_times.tolist() == [one[0] for one in ROWS]
    assert klines.decode_rows() == ROWS


def test_a_minute_with_several_rows_counts_once() -> None:
    late: KlineRow = [START + 7_301, *row(0)[1:]]
    klines = RawKlines.from_rows([row(0), late, row(2)])
    assert len(klines) == 3
    assert klines.list_minutes().tolist() == [START // 60_000, START // 60_000 + 2]
    assert not RawKlines.from_rows([])
