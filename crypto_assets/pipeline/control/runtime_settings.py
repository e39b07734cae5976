"""Settings that users change at run time: their bounds and the values in force."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from crypto_assets.errors import WrongUse
from crypto_assets.market.utc_time import MINUTES_PER_DAY
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.retention_policy import (
    MAX_LAKE_GB,
    MAX_RETENTION_DAYS,
    MIN_LAKE_GB,
)
from crypto_assets.warehouse import INGEST_INTERVAL, ORDER_BOOK_INTERVAL
from crypto_assets.warehouse.catalog.app_settings import AuthorOrName


class SettingUnit(StrEnum):
    MINUTES = "minutes"
    DAYS = "days"
    GIGABYTES = "GB"


@dataclass(frozen=True)
class RuntimeSetting:
    """A number that the warehouse stores under its name; both bounds are inclusive.

    It is a whole number unless `allows_fractions`. `unset_label` describes the value None; without
    a label None is refused. The environment's setting of that name has the same bounds.
    """

    name: str
    unit: SettingUnit
    minimum: float
    maximum: float
    unset_label: str | None = None
    allows_fractions: bool = False

    def check_value(self, value: Any) -> None:
        """Raise WrongUse for a value that is not allowed."""
        if value is None and self.unset_label:
            return
        kinds = (int, float) if self.allows_fractions else (int,)
        number = isinstance(value, kinds) and not isinstance(value, bool)
        if not number or not self.minimum <= value <= self.maximum:
            kind = "a number" if self.allows_fractions else "a whole number"
            raise WrongUse(
                f"{self.name} {value!r}: choose {kind} from {self.minimum} to {self.maximum:,}"
            )


_INTERVALS = tuple(
    RuntimeSetting(name, SettingUnit.MINUTES, 1, MINUTES_PER_DAY)
    for name in (INGEST_INTERVAL, ORDER_BOOK_INTERVAL)
)
_RETENTION = (
    RuntimeSetting("raw_days", SettingUnit.DAYS, 1, MAX_RETENTION_DAYS),
    RuntimeSetting("archive_days", SettingUnit.DAYS, 1, MAX_RETENTION_DAYS),
    RuntimeSetting(
        "lake_max_gb",
        SettingUnit.GIGABYTES,
        MIN_LAKE_GB,
        MAX_LAKE_GB,
        unset_label="no limit",
        allows_fractions=True,
    ),
    RuntimeSetting("minute_days", SettingUnit.DAYS, 0, MAX_RETENTION_DAYS),
    RuntimeSetting("order_book_days", SettingUnit.DAYS, 1, MAX_RETENTION_DAYS),
)
RETENTION_SETTINGS = {setting.name: setting for setting in _RETENTION}
INTERVAL_SETTINGS = {setting.name: setting for setting in _INTERVALS}
RUNTIME_SETTINGS: Mapping[str, RuntimeSetting] = {**INTERVAL_SETTINGS, **RETENTION_SETTINGS}


@dataclass(frozen=True)
class EffectiveSetting:
    """The value in force and the environment's; a user's override may be equal to the latter."""

    value: float | None
    default: float | None
    is_overridden: bool


def read_effective_settings(context: PipelineContext) -> dict[str, EffectiveSetting]:
    """Return every runtime setting by its name."""
    overrides = context.warehouse.app_settings.get_all_values()
    return {
        name: EffectiveSetting(overrides.get(name, default), default, name in overrides)
        for name, default in _list_defaults(context).items()
    }


def override_settings(
    context: PipelineContext, changes: Mapping[str, float | None], who: AuthorOrName
) -> None:
    """Set values, in force from the next tick or the next retention. Raises WrongUse."""
    for name, value in changes.items():
        if name not in RUNTIME_SETTINGS:
            raise WrongUse(f"no setting {name!r}; available: {', '.join(RUNTIME_SETTINGS)}")
        RUNTIME_SETTINGS[name].check_value(value)
    for name, value in changes.items():
        context.warehouse.app_settings.put_value(name, value, who)


def reset_setting(context: PipelineContext, name: str, who: AuthorOrName) -> None:
    """Return a setting to the environment's value."""
    context.warehouse.app_settings.reset_value(name, who)


def _list_defaults(context: PipelineContext) -> dict[str, float | None]:
    return {
        INGEST_INTERVAL: context.default_ingest_minutes,
        ORDER_BOOK_INTERVAL: context.default_order_book_minutes,
        **asdict(context.retention_policy),
    }
