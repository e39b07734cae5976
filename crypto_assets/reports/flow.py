"""The data flow: what each stage from the exchange to daily candles stores, and what is pending."""

from dataclasses import dataclass
from enum import StrEnum

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog.lake_objects import LakeTotal
from crypto_assets.warehouse.stats.flow import FlowCounts


class FlowStage(StrEnum):
    """The stages in the order that candles pass them; the last two are those of order books."""

    EXCHANGE = "exchange"
    CANDLE_OBJECTS = "candle_objects"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    BOOK_OBJECTS = "book_objects"
    BOOKS = "books"


@dataclass(frozen=True)
class StageCounts:
    """Counts of one stage.

    `stored` counts everything in it (symbols, objects, minutes or snapshots), None if counting
    would read a whole table. `recent` counts what arrived in the last hour (hours: last 24 hours,
    days: last 30 days), `waiting` what is still to be processed. `newest` is the end of the newest
    item (epoch ms).
    """

    stage: FlowStage
    recent: int
    stored: int | None = None
    size_bytes: int = 0
    waiting: int = 0
    newest: int | None = None


@dataclass(frozen=True)
class DataFlow:
    as_of: int
    stages: tuple[StageCounts, ...]

    def __getitem__(self, stage: FlowStage) -> StageCounts:
        return next(counts for counts in self.stages if counts.stage is stage)


def build_data_flow(warehouse: Warehouse, now_ms: int) -> DataFlow:
    """Build the flow; reads an hour of minutes, a day of hours and thirty days per symbol."""
    counts = warehouse.flow.count_recent_rows(now_ms)
    lake_totals = warehouse.lake_objects.list_lake_totals()
    tracked_count = len(warehouse.symbols.list_tracked())
    stages = (
        *_count_candle_stages(counts, lake_totals, tracked_count),
        *_count_book_stages(counts, lake_totals),
    )
    return DataFlow(now_ms, stages)


def _count_candle_stages(
    counts: FlowCounts, lake_totals: list[LakeTotal], tracked_count: int
) -> tuple[StageCounts, ...]:
    minutes, hours, days = counts.minutes, counts.hours, counts.days
    end = _compute_period_end(minutes.newest, MINUTE_MS)
    return (
        StageCounts(FlowStage.EXCHANGE, minutes.count, stored=tracked_count, newest=end),
        _count_objects(FlowStage.CANDLE_OBJECTS, ObjectKind.KLINES, counts, lake_totals),
        StageCounts(
            FlowStage.MINUTES,
            minutes.count,
            stored=counts.stored_rows[ObjectKind.KLINES],
            newest=end,
        ),
        StageCounts(
            FlowStage.HOURS,
            hours.count,
            waiting=counts.stale_hours,
            newest=_compute_period_end(hours.newest, HOUR_MS),
        ),
        StageCounts(FlowStage.DAYS, days.count, newest=_compute_period_end(days.newest, DAY_MS)),
    )


def _count_book_stages(counts: FlowCounts, lake_totals: list[LakeTotal]) -> tuple[StageCounts, ...]:
    return (
        _count_objects(FlowStage.BOOK_OBJECTS, ObjectKind.DEPTH, counts, lake_totals),
        StageCounts(
            FlowStage.BOOKS,
            counts.books.count,
            stored=counts.stored_rows[ObjectKind.DEPTH],
            newest=counts.books.newest,
        ),
    )


def _compute_period_end(open_time: int | None, width_ms: int) -> int | None:
    return None if open_time is None else floor_ms(open_time, width_ms) + width_ms


def _count_objects(
    stage: FlowStage, kind: ObjectKind, counts: FlowCounts, lake_totals: list[LakeTotal]
) -> StageCounts:
    totals = [total for total in lake_totals if total.kind is kind]
    return StageCounts(
        stage,
        counts.fetched_objects[kind],
        stored=sum(total.objects for total in totals),
        size_bytes=sum(total.size_bytes for total in totals),
        waiting=counts.unloaded_objects[kind],
    )
