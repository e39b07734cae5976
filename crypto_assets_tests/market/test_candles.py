"""Conversion of the exchange's rows to a table and back, to the last digit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_assets.market.candles import (
    CANDLE_SCHEMA,
    KlineRow,
    candles_from_table,
    rows_from_table,
    table_from_rows,
)

ROW: KlineRow = [
    *(1_616_537_400_000, "0.94887000", "0.94902000", "0.94753000", "0.94754000"),
    *("18223.60000000", 1_616_537_459_999, "17287.44893100", 31),
    *("11100.50000000", "10532.65019900", "0"),
]

_UNITS = st.integers(0, 10**19).map(lambda units: f"{Decimal(units).scaleb(-8):.8f}")


def _row(**changes: object) -> KlineRow:
    names = [*CANDLE_SCHEMA.names, "unused"]
    return [changes.get(name, value) for name, value in zip(names, ROW, strict=True)]  # type: ignore[misc]


def test_a_candle_has_decimals() -> None:
    candle = candles_from_table(table_from_rows([ROW]))[0]
    assert candle.close == Decimal("0.94754")
    assert candle.trade_count == 31


@given(st.lists(_UNITS, min_size=1, max_size=20))
def test_rows_convert_to_a_table_and_back_unchanged(volumes: list[str]) -> None:
    """Libraries tend to write an exponent for zero and for tiny values."""
    rows = [_row(volume=volume) for volume in volumes]
    assert rows_from_table(table_from_rows(rows)) == rows


@pytest.mark.parametrize("price", ["0.00000000", "0.00000001", "0.00000123", "0.00001234"])
def test_tiny_values_are_written_without_an_exponent(price: str) -> None:
    assert rows_from_table(table_from_rows([_row(open=price)]))[0][1] == price


def test_the_largest_volumes_fit_the_type() -> None:
    huge = "10000000000000.12345678"
    assert rows_from_table(table_from_rows([_row(volume=huge)]))[0][5] == huge


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("open", "NaN"),
        ("open", "abc"),
        ("open", "0.123456789"),
        ("open", "1e30"),
        ("trade_count", 1.5),
        ("trade_count", True),
        ("open_time", "1616537400000"),
    ],
)
def test_invalid_values_are_rejected(column: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        table_from_rows([_row(**{column: value})])


def test_rows_of_another_length_are_rejected() -> None:
    with pytest.raises(ValueError, match="12 fields"):
        table_from_rows([ROW[:11]])


def test_no_rows_give_an_empty_table() -> None:
    assert table_from_rows([]).schema == CANDLE_SCHEMA
