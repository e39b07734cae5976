"""Plans a tick: whether it is due, and which symbols and days it ingests."""

from dataclasses import dataclass
from datetime import date, datetime

from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    day_of,
    day_start_ms,
    floor_ms,
    to_epoch_ms,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.gap_retry import get_gap_days, list_due_gaps
from crypto_assets.pipeline.stages.symbol_status import has_ended, is_gone, list_trading_names
from crypto_assets.warehouse import Gap, RegisteredSymbol, Warehouse

# A symbol that is further behind needs a backfill, which fetches whole days from the archive.
INCREMENTAL_LIMIT_MS = 2 * DAY_MS


@dataclass(frozen=True)
class MissingDays:
    """A range of UTC days of a symbol, both ends inclusive.

    `is_hole` marks days before the symbol's newest candle, which can wait for other backfills.
    """

    symbol: str
    first: date
    last: date
    is_hole: bool = False


@dataclass(frozen=True)
class TickPlan:
    """What a tick ingests; `has_closed_hour` is whether hours and days must be recomputed."""

    is_due: bool
    interval_minutes: int
    symbols: tuple[str, ...]
    first_day: date
    last_day: date
    has_closed_hour: bool


def plan_ingest_tick(context: PipelineContext, scheduled: datetime) -> TickPlan:
    """Plan the candles' tick of a minute, without symbols that need a backfill."""
    now = context.exchange_now()
    current = list_current_symbols(context, now)
    oldest = min((newest for newest in current.values() if newest is not None), default=now)
    interval = context.read_ingest_interval()
    first, current_hour = day_of(min(now, oldest + MINUTE_MS)), floor_ms(now, HOUR_MS)
    # An hour that closed while an earlier tick was waiting is loaded, but not computed.
    closed = Window(day_start_ms(first), current_hour)
    return TickPlan(
        is_due=_is_due(scheduled, interval),
        interval_minutes=interval,
        symbols=tuple(current),
        first_day=first,
        last_day=day_of(now),
        has_closed_hour=floor_ms(oldest + MINUTE_MS, HOUR_MS) < current_hour
        or context.warehouse.aggregates.has_stale_hours(current, closed),
    )


def plan_order_book_tick(context: PipelineContext, scheduled: datetime) -> TickPlan:
    """Plan the order books' tick of a minute: today, for every tracked symbol that trades."""
    today = day_of(context.exchange_now())
    interval = context.read_order_book_interval()
    return TickPlan(
        is_due=_is_due(scheduled, interval),
        interval_minutes=interval,
        symbols=tuple(list_trading_names(context.warehouse.symbols.list_tracked())),
        first_day=today,
        last_day=today,
        has_closed_hour=False,
    )


def list_current_symbols(context: PipelineContext, now_ms: int) -> dict[str, int | None]:
    """The tracked symbols that ticks ingest, each with its newest open time (epoch ms).

    The time is None before the first load. Symbols that are gone from the exchange are left out.
    """
    return {
        symbol.name: newest
        for symbol, newest in _list_newest_times(context.warehouse)
        if (newest is None or now_ms - newest <= INCREMENTAL_LIMIT_MS)
        and not is_gone(context.warehouse, symbol, newest)
    }


def list_lagging_symbols(context: PipelineContext) -> dict[str, date]:
    """The symbols that are too far behind for ticks, each with the day of its newest candle.

    A symbol that no longer trades, and has nothing after its newest candle, is not behind.
    """
    now = context.exchange_now()
    return {
        symbol.name: day_of(newest)
        for symbol, newest in _list_newest_times(context.warehouse)
        if newest is not None
        and now - newest > INCREMENTAL_LIMIT_MS
        and not has_ended(context.warehouse, symbol, newest)
    }


def list_missing_days(context: PipelineContext) -> list[MissingDays]:
    """The days that need a backfill.

    Everything since the newest candle of lagging symbols, and unexplained gaps of several days,
    which a load beyond or before them leaves.
    """
    today = day_of(context.exchange_now())
    behind = [
        MissingDays(symbol, since, today) for symbol, since in list_lagging_symbols(context).items()
    ]
    gaps = [gap for gap in list_due_gaps(context) if is_long_gap(gap)]
    return behind + [MissingDays(gap.symbol, *get_gap_days(gap), is_hole=True) for gap in gaps]


def is_long_gap(gap: Gap) -> bool:
    """Whether a gap needs a backfill, which fetches whole days from the archive."""
    return gap.end - gap.start > INCREMENTAL_LIMIT_MS


def _is_due(scheduled: datetime, interval_minutes: int) -> bool:
    return to_epoch_ms(scheduled) // MINUTE_MS % interval_minutes == 0


def _list_newest_times(warehouse: Warehouse) -> list[tuple[RegisteredSymbol, int | None]]:
    """The tracked symbols with their newest open times (epoch ms), None before the first load."""
    marks = warehouse.watermarks.get_all()
    return [
        (symbol, marks[symbol.name].last_open_time if symbol.name in marks else None)
        for symbol in warehouse.symbols.list_tracked()
    ]
