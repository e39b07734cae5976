"""What the warehouse holds of each day at each stage."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from crypto_assets.market.clock import Window, day_of
from crypto_assets.market.intervals import Interval
from crypto_assets.pipeline.platform import Platform


@dataclass(frozen=True)
class Held:
    """Rows of one UTC day in the facts, the hours and the days; open times of the first and the
    last of its hours (epoch ms)."""

    minutes: int = 0
    hours: int = 0
    days: int = 0
    hours_reach: tuple[int, int] | None = None


def held_by_day(platform: Platform, symbol: str, window: Window) -> dict[date, Held]:
    """Of each day that `window` touches, empty ones too."""
    minutes = platform.warehouse.coverage.days(symbol, window)
    hours = _open_times(platform, symbol, Interval.H1, window)
    days = _open_times(platform, symbol, Interval.D1, window)
    return {
        day_of(start): _held(count, hours[day_of(start)], days[day_of(start)])
        for start, count in minutes.items()
    }


def _held(minutes: int, hours: list[int], days: list[int]) -> Held:
    return Held(minutes, len(hours), len(days), (hours[0], hours[-1]) if hours else None)


def _open_times(
    platform: Platform, symbol: str, interval: Interval, window: Window
) -> defaultdict[date, list[int]]:
    """By day, ascending."""
    table = platform.warehouse.aggregates.read(symbol, interval, window)
    found: defaultdict[date, list[int]] = defaultdict(list)
    for start in table["open_time"].to_pylist():
        found[day_of(start)].append(start)
    return found
