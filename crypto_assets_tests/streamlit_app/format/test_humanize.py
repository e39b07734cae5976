"""Formats of numbers and durations."""

from datetime import timedelta

import pytest

from streamlit_app.format import humanize


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (7.5, "7.5"), (999.96, "1k"), (12_345, "12.3k"), (1e6, "1M"), (1.2345e13, "12.3T"),
     (0.00123, "0.00123"), (-45_600, "-45.6k")],
)  # fmt: skip
def test_large_numbers_have_a_suffix(value: float, shown: str) -> None:
    assert humanize.format_compact(value) == shown


def test_a_change_has_its_sign() -> None:
    assert [humanize.format_percent(ratio) for ratio in (0.0125, -0.5)] == ["+1.25%", "-50.00%"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-3, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (7500, "2 h 5 min"),
     (86_400, "1 d"), (360_000, "4 d 4 h")],
)  # fmt: skip
def test_a_duration_has_its_two_largest_units(seconds: int, shown: str) -> None:
    assert humanize.format_duration(timedelta(seconds=seconds)) == shown
