"""What users may change while it runs: its bounds, what counts now, and who changed it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from crypto_assets.errors import WrongUse
from crypto_assets.pipeline.context import INGEST_INTERVAL, ORDER_BOOK_INTERVAL, Platform
from crypto_assets.pipeline.retention_policy import Keep
from crypto_assets.settings import MAX_LAKE_GB, MAX_RETENTION_DAYS, MIN_LAKE_GB


@dataclass(frozen=True)
class Choice:
    """A number in the warehouse's settings, under its name, between two bounds, both inclusive.

    It is whole unless `fractions` are allowed; `unset` says in words what no number at all means,
    without it there must be one. The bounds are those of the environment's setting of that name.
    """

    name: str
    unit: str
    least: float
    most: float
    unset: str | None = None
    fractions: bool = False

    def check(self, value: Any) -> None:
        """Raises WrongUse for what cannot be chosen."""
        if value is None and self.unset:
            return
        kinds = (int, float) if self.fractions else (int,)
        number = isinstance(value, kinds) and not isinstance(value, bool)
        if not number or not self.least <= value <= self.most:
            kind = "a number" if self.fractions else "a whole number"
            raise WrongUse(
                f"{self.name} {value!r}: choose {kind} from {self.least} to {self.most:,}"
            )


_INTERVALS = tuple(
    Choice(name, "minutes", 1, 1440) for name in (INGEST_INTERVAL, ORDER_BOOK_INTERVAL)
)
_KEPT = (
    Choice("raw_days", "days", 1, MAX_RETENTION_DAYS),
    Choice("archive_days", "days", 1, MAX_RETENTION_DAYS),
    Choice("lake_max_gb", "GB", MIN_LAKE_GB, MAX_LAKE_GB, unset="no bound", fractions=True),
    Choice("minute_days", "days", 0, MAX_RETENTION_DAYS),
    Choice("order_book_days", "days", 1, MAX_RETENTION_DAYS),
)
RETENTION = {choice.name: choice for choice in _KEPT}
INTERVALS = {choice.name: choice for choice in _INTERVALS}
CHOICES: Mapping[str, Choice] = {**INTERVALS, **RETENTION}


@dataclass(frozen=True)
class InForce:
    """What counts now, and what the environment says; `changed` by a user if they may differ."""

    value: float | None
    default: float | None
    changed: bool


def in_force(platform: Platform) -> dict[str, InForce]:
    """Every choice by its name."""
    chosen = platform.warehouse.app_settings.get_all_values()
    return {
        name: InForce(chosen.get(name, default), default, name in chosen)
        for name, default in _defaults(platform).items()
    }


def choose(platform: Platform, changes: Mapping[str, float | None], who: str) -> None:
    """From the next tick, or the next night's retention, these count. Raises WrongUse."""
    for name, value in changes.items():
        if name not in CHOICES:
            raise WrongUse(f"no setting {name!r}; there are: {', '.join(CHOICES)}")
        CHOICES[name].check(value)
    for name, value in changes.items():
        platform.warehouse.app_settings.put_value(name, value, who)


def take_back(platform: Platform, name: str, who: str) -> None:
    """What the environment says counts again."""
    platform.warehouse.app_settings.reset_value(name, who)


def _defaults(platform: Platform) -> dict[str, float | None]:
    kept = {field.name: getattr(platform.keep, field.name) for field in fields(Keep)}
    return {
        INGEST_INTERVAL: platform.default_ingest_minutes,
        ORDER_BOOK_INTERVAL: platform.default_order_book_minutes,
        **kept,
    }
