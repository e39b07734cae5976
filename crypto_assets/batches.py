"""Splits long sequences into batches of a limited size."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def iter_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` items in their order; the last one may be shorter.

    `itertools.batched` does the same from Python 3.12 on. Raises ValueError for a size below 1.
    """
    if size < 1:
        raise ValueError(f"a batch has at least 1 item, not {size}")
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
