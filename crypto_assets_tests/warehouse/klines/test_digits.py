"""Digits that come back: all of them from a server; from SQLite, which holds doubles, fifteen."""

from decimal import Decimal
from types import SimpleNamespace

import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import MINUTE_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.engine.column_types import VOLUME_COLUMN
from crypto_assets_tests.warehouse.minutes import START, SYMBOL, batch, minute, table, track

# What was loaded, and what a double holds of it.
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


def test_no_digit_is_invented(warehouse: Warehouse) -> None:
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


def test_a_sum_of_an_hour_has_the_digits_of_a_double(warehouse: Warehouse) -> None:
    """0.1 + 0.2 and the like, summed by the server."""
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


@pytest.mark.parametrize(("figure", "held"), _FIGURES.items())
def test_one_figure_read_by_itself_too(figure: str, held: str) -> None:
    """Order books, revisions and the like are not read as tables."""
    sqlite = SimpleNamespace(name="sqlite")
    stored = VOLUME_COLUMN.process_bind_param(Decimal(figure), sqlite)  # type: ignore[arg-type]
    read = VOLUME_COLUMN.process_result_value(stored, sqlite)  # type: ignore[arg-type]
    assert read == Decimal(held)
