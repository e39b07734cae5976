"""Decimals of prices: as many as the values need, and at least those of the tick size."""

import math

import pytest

from streamlit_app.format.decimal_places import DecimalPlaces


@pytest.mark.parametrize(
    ("values", "tick", "texts"),
    [
        ([67123.4, 67000.0], 2, ["67,123.40", "67,000.00"]),
        ([0.00001675, 0.0000168], 4, ["0.00001675", "0.0000168"]),
        ([0.5432, 61.5], 1, ["0.5432", "61.5"]),
        ([0.0168], 8, ["0.01680000"]),
        ([97000.0, 1234567.0], 0, ["97,000", "1,234,567"]),
        ([0.25, 3.0], 0, ["0.25", "3"]),
        ([100000000.12345678], 2, ["100,000,000.12345678"]),
        ([math.nan, 1.5], 1, ["nan", "1.5"]),
        ([], 2, []),
    ],
)
def test_a_price_has_the_decimals_it_needs(
    values: list[float], tick: int, texts: list[str]
) -> None:
    decimals = DecimalPlaces.for_printed_values(values, tick)
    assert [decimals.format_value(value) for value in values] == texts


@pytest.mark.parametrize("count", range(9))
@pytest.mark.parametrize("whole", [0, 7, 99_999, 9_999_999])
def test_every_decimal_of_a_stored_price_is_found(count: int, whole: int) -> None:
    """The prices are doubles, which are rarely exact."""
    price = float(f"{whole}.{'1' * count or '0'}")
    assert DecimalPlaces.for_printed_values([price], 0) == DecimalPlaces(0, count)


@pytest.mark.parametrize(
    ("tick", "value", "text"),
    [
        (2, 120.512345, "120.51"),
        (8, 0.0000001234567, "0.0000001235"),
        (2, -0.012345678, "-0.01235"),
        (2, 0.0, "0.00"),
        (2, math.nan, "nan"),
    ],
)
def test_computed_values_have_four_significant_digits(tick: int, value: float, text: str) -> None:
    assert (
        DecimalPlaces(tick, tick).for_computed_values([value, math.nan]).format_value(value) == text
    )


def test_the_axis_format_trims_zeros_only_if_decimals_vary() -> None:
    assert DecimalPlaces(2, 2).tick_format == ",.2f"
    assert DecimalPlaces(2, 8).tick_format == ",.8~f"
    assert DecimalPlaces(2, 4).midpoint_places == DecimalPlaces(3, 5)


def test_a_value_that_is_rounded_to_zero_has_no_sign() -> None:
    assert DecimalPlaces(2, 8).format_value(-1e-12) == "0.00"
    assert DecimalPlaces(2, 2).format_value(-0.01) == "-0.01"
