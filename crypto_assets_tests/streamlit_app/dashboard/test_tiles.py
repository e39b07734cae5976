"""How the dashboard lays out its tiles."""

import pytest

from streamlit_app.dashboard.tiles import choose_column_count


@pytest.mark.parametrize(
    ("count", "wide"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 3), (7, 4), (8, 4), (20, 4)]
)
def test_the_last_row_is_as_full_as_can_be(count: int, wide: int) -> None:
    assert choose_column_count(count) == wide
