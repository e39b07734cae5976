"""Formats of numbers."""

import pytest

from streamlit_app.format import humanize


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (7.5, "7.5"), (999.96, "1K"), (12_345, "12.3K"), (1e6, "1M"), (1.2345e13, "12.3T"),
     (0.00123, "0.00123"), (-45_600, "-45.6K")],
)  # fmt: skip
def test_large_numbers_have_a_suffix(value: float, shown: str) -> None:
    assert humanize.format_compact(value) == shown


def test_a_change_has_its_sign() -> None:
    assert [humanize.format_percent(ratio) for ratio in (0.0125, -0.5)] == ["+1.25%", "-50.00%"]


def test_a_count_agrees_with_its_unit() -> None:
    counts = [humanize.format_count(count, "run") for count in (0, 1, 1234)]
    assert counts == ["0 runs", "1 run", "1,234 runs"]
    assert humanize.format_count(1234) == "1,234"
