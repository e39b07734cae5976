"""What is held at each stage: of each day, or of a longer stretch."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import Window, day_of
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.results import KlinesStage

TimeRange = tuple[int, int]


@dataclass(frozen=True)
class DayRowCounts:
    """Rows of one UTC day in the facts, the hours and the days; open times of the first and the
    last of its hours (epoch ms)."""

    minutes: int = 0
    hours: int = 0
    days: int = 0
    hours_range: TimeRange | None = None


def count_rows_by_day(
    platform: PipelineContext, symbol: str, window: Window
) -> dict[date, DayRowCounts]:
    """Of each day that `window` touches, empty ones too."""
    minutes = platform.warehouse.coverage.count_minutes_by_day(symbol, window)
    hours = _group_open_times(platform, symbol, Interval.H1, window)
    days = _group_open_times(platform, symbol, Interval.D1, window)
    return {
        day_of(start): _build_row_counts(count, hours[day_of(start)], days[day_of(start)])
        for start, count in minutes.items()
    }


def count_stage_rows(
    platform: PipelineContext, stage: KlinesStage, symbol: str, window: Window
) -> tuple[int, TimeRange | None]:
    """Rows of one stage in whole days, and the open times of the first and the last candle.

    From the tables above as far as they reach: no minutes of closed days are counted.
    """
    if stage is KlinesStage.RAW:
        return platform.warehouse.lake_objects.summarize_rows(symbol, ObjectKind.KLINES, window)
    if stage is KlinesStage.FACTS:
        rows = sum(platform.warehouse.coverage.count_minutes_by_day(symbol, window).values())
        return rows, platform.warehouse.coverage.find_first_and_last(symbol, window)
    interval = Interval.H1 if stage is KlinesStage.HOURS else Interval.D1
    periods = _group_open_times(platform, symbol, interval, window)
    times = [start for own in periods.values() for start in own]
    return len(times), (times[0], times[-1]) if times else None


def _build_row_counts(minutes: int, hours: list[int], days: list[int]) -> DayRowCounts:
    return DayRowCounts(minutes, len(hours), len(days), (hours[0], hours[-1]) if hours else None)


def _group_open_times(
    platform: PipelineContext, symbol: str, interval: Interval, window: Window
) -> defaultdict[date, list[int]]:
    """By day, ascending."""
    table = platform.warehouse.aggregates.read_candles(symbol, interval, window)
    found: defaultdict[date, list[int]] = defaultdict(list)
    for start in table["open_time"].to_pylist():
        found[day_of(start)].append(start)
    return found
