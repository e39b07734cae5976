"""Candles as bytes: the fast formatter and plain formatting agree."""

from decimal import Decimal

import orjson
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from crypto_assets.exchange.simulated.candle_text import format_csv_rows, format_json_rows
from crypto_assets.market.candles import CANDLE_SCHEMA, rows_from_table


def _values(kind: pa.DataType) -> st.SearchStrategy[object]:
    if pa.types.is_integer(kind):
        return st.one_of(st.integers(0, 20), st.integers(0, 2**62))
    small = st.integers(0, 10**9)
    large = st.integers(-(10**3), 10 ** (kind.precision - 1))
    return st.one_of(small, large).map(lambda units: Decimal(units).scaleb(-8))


_ROWS = st.fixed_dictionaries({field.name: _values(field.type) for field in CANDLE_SCHEMA})


@given(st.lists(_ROWS, max_size=8))
def test_json_and_csv_contain_the_rows(rows: list[dict[str, object]]) -> None:
    candles = pa.Table.from_pylist(rows, CANDLE_SCHEMA)
    plain = rows_from_table(candles)
    assert orjson.loads(format_json_rows(candles)) == plain
    lines = format_csv_rows(candles).decode().splitlines()
    assert lines == [",".join(str(value) for value in row) for row in plain]


def test_a_slice_of_a_table_is_formatted_alone() -> None:
    row = {name: 7 for name in CANDLE_SCHEMA.names}
    rows = [{**row, "open_time": n, "open": n} for n in range(5)]
    candles = pa.Table.from_pylist(rows, CANDLE_SCHEMA).slice(3)
    assert [(r[0], r[1]) for r in orjson.loads(format_json_rows(candles))] == [
        (3, "3.00000000"),
        (4, "4.00000000"),
    ]
