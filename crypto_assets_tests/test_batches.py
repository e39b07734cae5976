"""Batches of a limited size."""

import pytest

from crypto_assets.batches import iter_batches


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, []), (1, [[0]]), (4, [[0, 1], [2, 3]]), (5, [[0, 1], [2, 3], [4]])],
)
def test_batches_keep_the_order_and_every_item(count: int, expected: list[list[int]]) -> None:
    assert list(iter_batches(range(count), 2)) == expected
    assert list(iter_batches(iter(range(count)), 2)) == expected


def test_a_batch_without_items_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 item, not 0"):
        list(iter_batches([1], 0))
