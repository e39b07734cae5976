"""The way of the data as one picture: what each station holds, what passed lately, what waits."""

from dataclasses import dataclass
from enum import StrEnum

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog.lake_objects import LakeTotal
from crypto_assets.warehouse.stats.flow import FlowCounts


class FlowStage(StrEnum):
    """In the order in which candles pass them; the last two are the order books' own."""

    EXCHANGE = "exchange"
    CANDLE_OBJECTS = "candle_objects"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    BOOK_OBJECTS = "book_objects"
    BOOKS = "books"


@dataclass(frozen=True)
class StageCounts:
    """One station as of now.

    `held` is all that it holds (symbols, objects, minutes or snapshots), None where counting would
    read it all; `recent` what came in the last hour (of hours: 24 hours, of days: 30 days);
    `waiting` what it has not worked through; `newest` the end of its newest (epoch ms).
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

    def __getitem__(self, station: FlowStage) -> StageCounts:
        return next(stop for stop in self.stages if stop.stage is station)


def build_data_flow(warehouse: Warehouse, now_ms: int) -> DataFlow:
    """An hour of minutes, a day of hours and thirty days of each symbol, by key; no more."""
    passing = warehouse.flow.count_recent_rows(now_ms)
    totals = warehouse.lake_objects.list_lake_totals()
    tracked = warehouse.symbols.list_tracked()
    end = _compute_period_end(passing.minutes.newest, MINUTE_MS)
    return DataFlow(
        as_of=now_ms,
        stages=(
            StageCounts(FlowStage.EXCHANGE, passing.minutes.count, stored=len(tracked), newest=end),
            _count_stage_objects(FlowStage.CANDLE_OBJECTS, ObjectKind.KLINES, passing, totals),
            StageCounts(
                FlowStage.MINUTES,
                passing.minutes.count,
                stored=passing.stored_rows[ObjectKind.KLINES],
                newest=end,
            ),
            StageCounts(
                FlowStage.HOURS,
                passing.hours.count,
                waiting=passing.stale_hours,
                newest=_compute_period_end(passing.hours.newest, HOUR_MS),
            ),
            StageCounts(
                FlowStage.DAYS,
                passing.days.count,
                newest=_compute_period_end(passing.days.newest, DAY_MS),
            ),
            _count_stage_objects(FlowStage.BOOK_OBJECTS, ObjectKind.DEPTH, passing, totals),
            StageCounts(
                FlowStage.BOOKS,
                passing.books.count,
                stored=passing.stored_rows[ObjectKind.DEPTH],
                newest=passing.books.newest,
            ),
        ),
    )


def _compute_period_end(opened: int | None, width_ms: int) -> int | None:
    return None if opened is None else floor_ms(opened, width_ms) + width_ms


def _count_stage_objects(
    station: FlowStage, kind: ObjectKind, passing: FlowCounts, totals: list[LakeTotal]
) -> StageCounts:
    own = [total for total in totals if total.kind is kind]
    return StageCounts(
        station,
        passing.fetched_objects[kind],
        stored=sum(total.objects for total in own),
        size_bytes=sum(total.size_bytes for total in own),
        waiting=passing.unloaded_objects[kind],
    )
