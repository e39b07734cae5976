"""The time zone in which a viewer reads times."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from crypto_assets.market.utc_time import from_epoch_ms

LOCAL, EXCHANGE = "local", "exchange"
# Browsers know some zones by the name of an earlier version of the IANA database.
_RENAMED = {
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Rangoon": "Asia/Yangon",
    "Asia/Saigon": "Asia/Ho_Chi_Minh",
    "Atlantic/Faeroe": "Atlantic/Faroe",
    "Europe/Kiev": "Europe/Kyiv",
    "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
    "America/Godthab": "America/Nuuk",
    "Africa/Asmera": "Africa/Asmara",
}
# Binance's days begin at midnight UTC.
_EXCHANGE_ZONE = "UTC"


@dataclass(frozen=True)
class ViewerZone:
    """A time zone by its IANA name."""

    name: str

    @classmethod
    def resolve(cls, choice: str, browser_zone: str | None) -> Self:
        """Return the zone of a choice: `UTC`, `local`, `exchange`, or an IANA name.

        `local` is the browser's zone, UTC if the browser reports none. Raises KeyError for another
        choice.
        """
        if choice == EXCHANGE:
            return cls(_EXCHANGE_ZONE)
        name = (browser_zone or _EXCHANGE_ZONE) if choice == LOCAL else choice
        name = _RENAMED.get(name, name)
        if is_zone_name(name):
            return cls(name)
        if choice == LOCAL:
            return cls(_EXCHANGE_ZONE)
        raise KeyError(choice)

    @property
    def label(self) -> str:
        """`UTC`, or the name without its continent: `Los Angeles time`."""
        if self.name in ("UTC", "Etc/UTC"):
            return "UTC"
        return f"{self.name.rpartition('/')[2].replace('_', ' ')} time"

    def convert(self, ms: int) -> datetime:
        """Convert epoch ms to a datetime of the zone."""
        return from_epoch_ms(ms).astimezone(UTC if self.label == "UTC" else ZoneInfo(self.name))


@lru_cache(maxsize=1)
def _list_zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def is_zone_name(text: str) -> bool:
    """Return whether a text is an IANA name, such as `Asia/Kolkata`."""
    if text not in _list_zone_names():
        return False
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):  # a file beside the zones, such as `leapseconds`
        return False
    return True
