"""The way of the data as one picture: what each station holds, what passed lately, what waits."""

from dataclasses import dataclass
from enum import StrEnum

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog.lake_objects import LakeTotal
from crypto_assets.warehouse.stats.flow import FlowCounts


class Station(StrEnum):
    """In the order in which candles pass them; the last two are the order books' own."""

    EXCHANGE = "exchange"
    CANDLE_OBJECTS = "candle_objects"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    BOOK_OBJECTS = "book_objects"
    BOOKS = "books"


@dataclass(frozen=True)
class Stop:
    """One station as of now.

    `held` is all that it holds (symbols, objects, minutes or snapshots), None where counting would
    read it all; `recent` what came in the last hour (of hours: 24 hours, of days: 30 days);
    `waiting` what it has not worked through; `newest` the end of its newest (epoch ms).
    """

    station: Station
    recent: int
    held: int | None = None
    size_bytes: int = 0
    waiting: int = 0
    newest: int | None = None


@dataclass(frozen=True)
class Flow:
    as_of: int
    stops: tuple[Stop, ...]

    def __getitem__(self, station: Station) -> Stop:
        return next(stop for stop in self.stops if stop.station is station)


def read_flow(warehouse: Warehouse, now_ms: int) -> Flow:
    """An hour of minutes, a day of hours and thirty days of each symbol, by key; no more."""
    passing = warehouse.flow.count_recent_rows(now_ms)
    totals = warehouse.lake_objects.list_lake_totals()
    tracked = warehouse.symbols.list_tracked()
    end = _end(passing.minutes.newest, MINUTE_MS)
    return Flow(
        as_of=now_ms,
        stops=(
            Stop(Station.EXCHANGE, passing.minutes.count, held=len(tracked), newest=end),
            _objects(Station.CANDLE_OBJECTS, ObjectKind.KLINES, passing, totals),
            Stop(
                Station.MINUTES,
                passing.minutes.count,
                held=passing.stored_rows[ObjectKind.KLINES],
                newest=end,
            ),
            Stop(
                Station.HOURS,
                passing.hours.count,
                waiting=passing.stale_hours,
                newest=_end(passing.hours.newest, HOUR_MS),
            ),
            Stop(Station.DAYS, passing.days.count, newest=_end(passing.days.newest, DAY_MS)),
            _objects(Station.BOOK_OBJECTS, ObjectKind.DEPTH, passing, totals),
            Stop(
                Station.BOOKS,
                passing.books.count,
                held=passing.stored_rows[ObjectKind.DEPTH],
                newest=passing.books.newest,
            ),
        ),
    )


def _end(opened: int | None, width_ms: int) -> int | None:
    return None if opened is None else floor_ms(opened, width_ms) + width_ms


def _objects(
    station: Station, kind: ObjectKind, passing: FlowCounts, totals: list[LakeTotal]
) -> Stop:
    own = [total for total in totals if total.kind is kind]
    return Stop(
        station,
        passing.fetched_objects[kind],
        held=sum(total.objects for total in own),
        size_bytes=sum(total.size_bytes for total in own),
        waiting=passing.unloaded_objects[kind],
    )
