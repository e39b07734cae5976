"""Precision: a server returns all digits, SQLite the fifteen digits of a double."""

from decimal import Decimal
from types import SimpleNamespace

import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import MINUTE_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.engine.column_types import VOLUME_COLUMN
from crypto_assets_tests.warehouse.minutes import START, SYMBOL, batch, minute, table, track

# Loaded values, and the digits of them that a double stores.
_FIGURES = {
    "0.1": "0.1",
    "0.00000001": "0.00000001",
    "0.00001675": "0.00001675",
    "0.29999999": "0.29999999",
    "9999999.99999999": "9999999.99999999",
    "12345678.1234567": "12345678.1234567",
    "12345678.12345678": "12345678.1234568",
    "98765432109.12345678": "98765432109.1235",
    "123456789012345.12345678": "123456789012345",
    "1234567890123456789.5": "1234567890123460000",
    "2000000000000000.1": "2000000000000000",
}


def test_minutes_read_back_with_the_stored_digits(warehouse: Warehouse) -> None:
    track(warehouse)
    rows = [
        minute(START + n * MINUTE_MS) | {"quote_volume": Decimal(figure)}
        for n, figure in enumerate(_FIGURES)
    ]
    warehouse.facts.load_objects(SYMBOL, [batch(table(rows))])
    expected = list(map(Decimal, _FIGURES if warehouse.has_exact_decimals else _FIGURES.values()))
    window = Window(START, START + 60 * MINUTE_MS)
    minutes = warehouse.facts.read_candles(SYMBOL, window)["quote_volume"].to_pylist()
    assert minutes == expected
    read = warehouse.resampled_candles.read_candles(SYMBOL, Interval.M1, Interval.M1, window)
    assert read["quote_volume"].to_pylist() == expected


def test_a_sum_has_no_more_digits_than_are_stored(warehouse: Warehouse) -> None:
    """The server computes sums such as 0.1 + 0.2."""
    track(warehouse)
    figures = ["0.1", "0.2", "98765432109.12345678", "0.00000001", "31234567.89"]
    rows = [
        minute(START + n * MINUTE_MS) | {"quote_volume": Decimal(figure)}
        for n, figure in enumerate(figures)
    ]
    warehouse.facts.load_objects(SYMBOL, [batch(table(rows))])
    window = Window(START, START + 60 * MINUTE_MS)
    [hour] = warehouse.resampled_candles.read_candles(
        SYMBOL, Interval.M1, Interval.H1, window
    ).to_pylist()
    exact = sum(map(Decimal, figures))
    assert hour["quote_volume"] == (
        exact if warehouse.has_exact_decimals else Decimal("98796666677.3135")
    )


@pytest.mark.parametrize(("figure", "expected"), _FIGURES.items())
def test_a_single_value_reads_back_with_the_stored_digits(figure: str, expected: str) -> None:
    """Order books and revisions are read row by row."""
    sqlite = SimpleNamespace(name="sqlite")
    stored = VOLUME_COLUMN.process_bind_param(Decimal(figure), sqlite)  # type: ignore[arg-type]
    read = VOLUME_COLUMN.process_result_value(stored, sqlite)  # type: ignore[arg-type]
    assert read == Decimal(expected)
