"""Counts the stored rows of each stage, by day or for a longer window."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import Window, day_of
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.warehouse import Warehouse

TimeRange = tuple[int, int]


@dataclass(frozen=True)
class DayRowCounts:
    """Rows of one UTC day in the facts, hours and days.

    `hours_range` holds the open times (epoch ms) of its first and last hour.
    """

    minutes: int = 0
    hours: int = 0
    days: int = 0
    hours_range: TimeRange | None = None


def count_rows_by_day(
    warehouse: Warehouse, symbol: str, window: Window
) -> dict[date, DayRowCounts]:
    """Rows of each day that the window touches, days without rows included."""
    minutes = warehouse.coverage.count_minutes_by_day(symbol, window)
    hours = _group_open_times(warehouse, symbol, Interval.H1, window)
    days = _group_open_times(warehouse, symbol, Interval.D1, window)
    return {
        day_of(start): _build_row_counts(count, hours[day_of(start)], days[day_of(start)])
        for start, count in minutes.items()
    }


def count_stage_rows(
    warehouse: Warehouse, stage: KlinesStage, symbol: str, window: Window
) -> tuple[int, TimeRange | None]:
    """Rows of one stage in a window of whole days, and its first and last open time (epoch ms).

    Minutes of closed days are counted from their aggregates where these are current.
    """
    if stage is KlinesStage.RAW:
        return warehouse.lake_objects.summarize_rows(symbol, ObjectKind.KLINES, window)
    if stage is KlinesStage.FACTS:
        rows = sum(warehouse.coverage.count_minutes_by_day(symbol, window).values())
        return rows, warehouse.coverage.find_first_and_last(symbol, window)
    interval = Interval.H1 if stage is KlinesStage.HOURS else Interval.D1
    periods = _group_open_times(warehouse, symbol, interval, window)
    times = [start for starts in periods.values() for start in starts]
    return len(times), (times[0], times[-1]) if times else None


def _build_row_counts(minutes: int, hours: list[int], days: list[int]) -> DayRowCounts:
    return DayRowCounts(minutes, len(hours), len(days), (hours[0], hours[-1]) if hours else None)


def _group_open_times(
    warehouse: Warehouse, symbol: str, interval: Interval, window: Window
) -> defaultdict[date, list[int]]:
    """Open times (epoch ms) of stored candles by UTC day, ascending."""
    table = warehouse.aggregates.read_candles(symbol, interval, window)
    by_day: defaultdict[date, list[int]] = defaultdict(list)
    for start in table["open_time"].to_pylist():
        by_day[day_of(start)].append(start)
    return by_day
