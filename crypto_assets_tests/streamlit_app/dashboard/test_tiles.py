"""The layout of the dashboard's tiles."""

import pytest

from streamlit_app.dashboard.tiles import choose_column_count


@pytest.mark.parametrize(
    ("count", "columns"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 3), (7, 4), (8, 4), (20, 4)]
)
def test_the_last_row_is_filled_best(count: int, columns: int) -> None:
    assert choose_column_count(count) == columns
