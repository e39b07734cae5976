"""How long things are kept: by the environment, and what users changed since."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

GIGABYTE = 10**9


@dataclass(frozen=True)
class RetentionPolicy:
    """Days that each kind is kept; `lake_max_gb` (10⁹ bytes) bounds the lake, None is no bound.

    `minute_days` 0 keeps minutes for ever. A user's change lies in the warehouse's settings under
    the field's name.
    """

    raw_days: int = 7
    archive_days: int = 30
    lake_max_gb: float | None = None
    minute_days: int = 90
    order_book_days: int = 30

    def apply_overrides(self, chosen: Mapping[str, Any]) -> "RetentionPolicy":
        """With what the warehouse's settings say instead."""
        names = {field.name for field in fields(self)}
        return replace(self, **{name: chosen[name] for name in names & chosen.keys()})
