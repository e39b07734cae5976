"""How many rows of a window a read returns, and from which end of the window."""

from dataclasses import dataclass
from typing import Self

import pyarrow as pa


@dataclass(frozen=True)
class RowLimit:
    """At most `count` rows, counted from the start or the end of a window; None is no limit."""

    count: int | None
    from_end: bool = False

    @classmethod
    def first(cls, count: int | None) -> Self:
        return cls(count)

    @classmethod
    def last(cls, count: int | None) -> Self:
        return cls(count, from_end=True)

    def extend(self, rows: int) -> "RowLimit":
        """Return the limit for `rows` more rows, or fewer if negative; never below 0."""
        if self.count is None:
            return self
        return RowLimit(max(0, self.count + rows), self.from_end)

    def apply(self, table: pa.Table) -> pa.Table:
        """Return the rows of a table within the limit, in the table's order."""
        if self.count is None:
            return table
        return table.slice(max(0, table.num_rows - self.count) if self.from_end else 0, self.count)
