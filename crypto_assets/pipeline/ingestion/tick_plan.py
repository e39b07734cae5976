"""What a tick has to do: which symbols, which days, and whether it is due at all."""

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
from crypto_assets.warehouse import Gap, RegisteredSymbol

# Further behind than this, whole days come from the archive: that is a backfill's work.
INCREMENTAL_LIMIT_MS = 2 * DAY_MS


@dataclass(frozen=True)
class MissingDays:
    """Two UTC days of a symbol and those between."""

    symbol: str
    first: date
    last: date


@dataclass(frozen=True)
class TickPlan:
    is_due: bool
    interval_minutes: int
    symbols: tuple[str, ...]
    first_day: date
    last_day: date
    has_closed_hour: bool


def plan_ingest_tick(platform: PipelineContext, scheduled: datetime) -> TickPlan:
    """The live tick of a minute. Symbols too far behind are left to a backfill."""
    now = platform.exchange_now()
    near = list_current_symbols(platform, now)
    oldest = min((mark for mark in near.values() if mark is not None), default=now)
    interval = platform.read_ingest_interval()
    first, closed = day_of(min(now, oldest + MINUTE_MS)), floor_ms(now, HOUR_MS)
    # One that closed while an earlier tick waited for its turn was loaded, and not computed.
    left = Window(day_start_ms(first), closed)
    return TickPlan(
        is_due=_is_due(scheduled, interval),
        interval_minutes=interval,
        symbols=tuple(near),
        first_day=first,
        last_day=day_of(now),
        has_closed_hour=floor_ms(oldest + MINUTE_MS, HOUR_MS) < closed
        or platform.warehouse.aggregates.has_stale_hours(near, left),
    )


def plan_order_book_tick(platform: PipelineContext, scheduled: datetime) -> TickPlan:
    """The order books' tick of a minute: every tracked symbol that trades, today."""
    today = day_of(platform.exchange_now())
    interval = platform.read_order_book_interval()
    return TickPlan(
        is_due=_is_due(scheduled, interval),
        interval_minutes=interval,
        symbols=tuple(list_trading_names(platform.warehouse.symbols.list_tracked())),
        first_day=today,
        last_day=today,
        has_closed_hour=False,
    )


def list_current_symbols(platform: PipelineContext, now_ms: int) -> dict[str, int | None]:
    """Newest open time of each tracked symbol that ticks keep up; None before its first load.

    One that is gone from the exchange's list is not asked for.
    """
    return {
        symbol.name: mark
        for symbol, mark in _list_newest_times(platform)
        if (mark is None or now_ms - mark <= INCREMENTAL_LIMIT_MS)
        and not is_gone(platform, symbol, mark)
    }


def list_lagging_symbols(platform: PipelineContext) -> dict[str, date]:
    """Symbols that no tick catches up any more, with the day of their newest candle.

    One that trades no more, and is known to have nothing after it, is behind nothing.
    """
    now = platform.exchange_now()
    return {
        symbol.name: day_of(mark)
        for symbol, mark in _list_newest_times(platform)
        if mark is not None
        and now - mark > INCREMENTAL_LIMIT_MS
        and not has_ended(platform, symbol, mark)
    }


def list_missing_days(platform: PipelineContext) -> list[MissingDays]:
    """What is a backfill's to bring: all since the newest candle of symbols that are far behind,
    and unexplained gaps of some days, which a load beyond them leaves.
    """
    today = day_of(platform.exchange_now())
    behind = [
        MissingDays(symbol, since, today)
        for symbol, since in list_lagging_symbols(platform).items()
    ]
    gaps = [gap for gap in list_due_gaps(platform) if is_long_gap(gap)]
    return behind + [MissingDays(gap.symbol, *get_gap_days(gap)) for gap in gaps]


def is_long_gap(gap: Gap) -> bool:
    """Whether it is a backfill's, which reads whole days from the archive."""
    return gap.end - gap.start > INCREMENTAL_LIMIT_MS


def _is_due(scheduled: datetime, interval_minutes: int) -> bool:
    return to_epoch_ms(scheduled) // MINUTE_MS % interval_minutes == 0


def _list_newest_times(platform: PipelineContext) -> list[tuple[RegisteredSymbol, int | None]]:
    """Newest open time (epoch ms) of each tracked symbol, None before its first load."""
    marks = platform.warehouse.watermarks.get_all()
    tracked = platform.warehouse.symbols.list_tracked()
    return [
        (symbol, marks[symbol.name].last_open_time if symbol.name in marks else None)
        for symbol in tracked
    ]
