"""What users may change while it runs: its bounds, what counts now, and who changed it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from crypto_assets.errors import WrongUse
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.retention_policy import (
    MAX_LAKE_GB,
    MAX_RETENTION_DAYS,
    MIN_LAKE_GB,
    RetentionPolicy,
)
from crypto_assets.warehouse import INGEST_INTERVAL, ORDER_BOOK_INTERVAL


@dataclass(frozen=True)
class RuntimeSetting:
    """A number in the warehouse's settings, under its name, between two bounds, both inclusive.

    It is whole unless `fractions` are allowed; `unset` says in words what no number at all means,
    without it there must be one. The bounds are those of the environment's setting of that name.
    """

    name: str
    unit: str
    minimum: float
    maximum: float
    unset_label: str | None = None
    allows_fractions: bool = False

    def check_value(self, value: Any) -> None:
        """Raises WrongUse for what cannot be chosen."""
        if value is None and self.unset_label:
            return
        kinds = (int, float) if self.allows_fractions else (int,)
        number = isinstance(value, kinds) and not isinstance(value, bool)
        if not number or not self.minimum <= value <= self.maximum:
            kind = "a number" if self.allows_fractions else "a whole number"
            raise WrongUse(
                f"{self.name} {value!r}: choose {kind} from {self.minimum} to {self.maximum:,}"
            )


_INTERVAL_BOUNDS = tuple(
    RuntimeSetting(name, "minutes", 1, 1440) for name in (INGEST_INTERVAL, ORDER_BOOK_INTERVAL)
)
_RETENTION_BOUNDS = (
    RuntimeSetting("raw_days", "days", 1, MAX_RETENTION_DAYS),
    RuntimeSetting("archive_days", "days", 1, MAX_RETENTION_DAYS),
    RuntimeSetting(
        "lake_max_gb", "GB", MIN_LAKE_GB, MAX_LAKE_GB, unset_label="no bound", allows_fractions=True
    ),
    RuntimeSetting("minute_days", "days", 0, MAX_RETENTION_DAYS),
    RuntimeSetting("order_book_days", "days", 1, MAX_RETENTION_DAYS),
)
RETENTION_SETTINGS = {choice.name: choice for choice in _RETENTION_BOUNDS}
INTERVAL_SETTINGS = {choice.name: choice for choice in _INTERVAL_BOUNDS}
RUNTIME_SETTINGS: Mapping[str, RuntimeSetting] = {**INTERVAL_SETTINGS, **RETENTION_SETTINGS}


@dataclass(frozen=True)
class EffectiveSetting:
    """What counts now, and what the environment says; `changed` by a user if they may differ."""

    value: float | None
    default: float | None
    is_overridden: bool


def read_effective_settings(platform: PipelineContext) -> dict[str, EffectiveSetting]:
    """Every choice by its name."""
    chosen = platform.warehouse.app_settings.get_all_values()
    return {
        name: EffectiveSetting(chosen.get(name, default), default, name in chosen)
        for name, default in _list_defaults(platform).items()
    }


def override_settings(
    platform: PipelineContext, changes: Mapping[str, float | None], who: str
) -> None:
    """From the next tick, or the next night's retention, these count. Raises WrongUse."""
    for name, value in changes.items():
        if name not in RUNTIME_SETTINGS:
            raise WrongUse(f"no setting {name!r}; there are: {', '.join(RUNTIME_SETTINGS)}")
        RUNTIME_SETTINGS[name].check_value(value)
    for name, value in changes.items():
        platform.warehouse.app_settings.put_value(name, value, who)


def reset_setting(platform: PipelineContext, name: str, who: str) -> None:
    """What the environment says counts again."""
    platform.warehouse.app_settings.reset_value(name, who)


def _list_defaults(platform: PipelineContext) -> dict[str, float | None]:
    kept = {
        field.name: getattr(platform.retention_policy, field.name)
        for field in fields(RetentionPolicy)
    }
    return {
        INGEST_INTERVAL: platform.default_ingest_minutes,
        ORDER_BOOK_INTERVAL: platform.default_order_book_minutes,
        **kept,
    }
