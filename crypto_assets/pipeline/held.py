"""What the warehouse holds of each day at each stage."""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from crypto_assets.market.clock import Window, day_of
from crypto_assets.market.intervals import Interval
from crypto_assets.pipeline.platform import Platform


@dataclass(frozen=True)
class Held:
    """Rows of one UTC day in the facts, the hours and the days."""

    minutes: int = 0
    hours: int = 0
    days: int = 0


def held_by_day(platform: Platform, symbol: str, window: Window) -> dict[date, Held]:
    """Of each day that `window` touches, empty ones too."""
    minutes = platform.warehouse.coverage.days(symbol, window)
    hours = _count(platform, symbol, Interval.H1, window)
    days = _count(platform, symbol, Interval.D1, window)
    return {
        (day := day_of(start)): Held(count, hours[day], days[day])
        for start, count in minutes.items()
    }


def _count(platform: Platform, symbol: str, interval: Interval, window: Window) -> Counter[date]:
    table = platform.warehouse.aggregates.read(symbol, interval, window)
    return Counter(day_of(start) for start in table["open_time"].to_pylist())
