"""How long each kind of data is kept: the fields, their defaults and their bounds."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

GIGABYTE = 10**9
# A hundred years.
MAX_RETENTION_DAYS = 36_500
MIN_LAKE_GB, MAX_LAKE_GB = 0.001, 1_000_000


@dataclass(frozen=True)
class RetentionPolicy:
    """How many days each kind of data is kept; the environment's settings have the same names.

    `lake_max_gb` (10⁹ bytes) limits the size of both lakes, None does not. `minute_days` 0 keeps
    minutes permanently. Users override a field in the warehouse's settings, under its name.
    """

    raw_days: int = 7
    archive_days: int = 30
    lake_max_gb: float | None = None
    minute_days: int = 90
    order_book_days: int = 30

    def apply_overrides(self, overrides: Mapping[str, Any]) -> Self:
        """Return the policy with the values that users have set; other names are ignored."""
        names = {field.name for field in fields(self)}
        return replace(self, **{name: overrides[name] for name in names & overrides.keys()})
