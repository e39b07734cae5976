"""Determines which hours and days of a symbol the warehouse should contain."""

from functools import cached_property

from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, Window, floor_ms, minute_end_ms
from crypto_assets.pipeline.context import PipelineContext


class ExpectedPeriods:
    """The hours and days of a symbol whose minutes were loaded, even if they are missing now."""

    def __init__(self, context: PipelineContext, symbol: str) -> None:
        self._context = context
        self._symbol = symbol
        self._days: dict[int, bool] = {}

    @cached_property
    def loaded_until(self) -> int:
        """End of the newest minute that was ever loaded; 0 before the first."""
        newest = self._context.warehouse.watermarks.get_watermark(self._symbol).last_open_time
        return 0 if newest is None else minute_end_ms(newest)

    def is_expected(self, open_time: int, interval: Interval) -> bool:
        """Return whether an hour or day should exist: its day was loaded, at least to its end."""
        if open_time + interval.ms > self.loaded_until:
            return False
        day = floor_ms(open_time, DAY_MS)
        if day not in self._days:
            self._days[day] = self._is_day_loaded(Window(day, day + DAY_MS))
        return self._days[day]

    def _is_day_loaded(self, day: Window) -> bool:
        """Return whether any candle of the day is stored or the manifest has a loaded object of it.

        A loaded object without a stored candle means that the candles were lost.
        """
        warehouse = self._context.warehouse
        if warehouse.facts.read_candles(self._symbol, day, limit=1).num_rows:
            return True
        if any(
            warehouse.aggregates.read_candles(self._symbol, interval, day, limit=1).num_rows
            for interval in (Interval.H1, Interval.D1)
        ):
            return True
        objects = warehouse.lake_objects.list_in_window(self._symbol, ObjectKind.KLINES, day)
        return any(item.loaded_at is not None for item in objects)
