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
from crypto_assets.pipeline.context import Platform
from crypto_assets.pipeline.ingestion.gap_retry import days_of, due_gaps
from crypto_assets.pipeline.stages.symbol_status import has_ended, is_gone, of_trading
from crypto_assets.warehouse import Gap, RegisteredSymbol

# Further behind than this, whole days come from the archive: that is a backfill's work.
TAIL_MS = 2 * DAY_MS


@dataclass(frozen=True)
class Stretch:
    """Two UTC days of a symbol and those between."""

    symbol: str
    first: date
    last: date


@dataclass(frozen=True)
class Tick:
    due: bool
    interval_minutes: int
    symbols: tuple[str, ...]
    first_day: date
    last_day: date
    hour_closed: bool


def tick(platform: Platform, scheduled: datetime) -> Tick:
    """The live tick of a minute. Symbols too far behind are left to a backfill."""
    now = platform.now()
    near = near_enough(platform, now)
    oldest = min((mark for mark in near.values() if mark is not None), default=now)
    interval = platform.ingest_interval_minutes()
    first, closed = day_of(min(now, oldest + MINUTE_MS)), floor_ms(now, HOUR_MS)
    # One that closed while an earlier tick waited for its turn was loaded, and not computed.
    left = Window(day_start_ms(first), closed)
    return Tick(
        due=_is_due(scheduled, interval),
        interval_minutes=interval,
        symbols=tuple(near),
        first_day=first,
        last_day=day_of(now),
        hour_closed=floor_ms(oldest + MINUTE_MS, HOUR_MS) < closed
        or platform.warehouse.aggregates.has_stale_hours(near, left),
    )


def book_tick(platform: Platform, scheduled: datetime) -> Tick:
    """The order books' tick of a minute: every tracked symbol that trades, today."""
    today = day_of(platform.now())
    interval = platform.order_book_interval_minutes()
    return Tick(
        due=_is_due(scheduled, interval),
        interval_minutes=interval,
        symbols=tuple(of_trading(platform.warehouse.symbols.list_tracked())),
        first_day=today,
        last_day=today,
        hour_closed=False,
    )


def near_enough(platform: Platform, now_ms: int) -> dict[str, int | None]:
    """Newest open time of each tracked symbol that ticks keep up; None before its first load.

    One that is gone from the exchange's list is not asked for.
    """
    return {
        symbol.name: mark
        for symbol, mark in _newest(platform)
        if (mark is None or now_ms - mark <= TAIL_MS) and not is_gone(platform, symbol, mark)
    }


def far_behind(platform: Platform) -> dict[str, date]:
    """Symbols that no tick catches up any more, with the day of their newest candle.

    One that trades no more, and is known to have nothing after it, is behind nothing.
    """
    now = platform.now()
    return {
        symbol.name: day_of(mark)
        for symbol, mark in _newest(platform)
        if mark is not None and now - mark > TAIL_MS and not has_ended(platform, symbol, mark)
    }


def missing_past(platform: Platform) -> list[Stretch]:
    """What is a backfill's to bring: all since the newest candle of symbols that are far behind,
    and unexplained gaps of some days, which a load beyond them leaves.
    """
    today = day_of(platform.now())
    behind = [Stretch(symbol, since, today) for symbol, since in far_behind(platform).items()]
    gaps = [gap for gap in due_gaps(platform) if is_long(gap)]
    return behind + [Stretch(gap.symbol, *days_of(gap)) for gap in gaps]


def is_long(gap: Gap) -> bool:
    """Whether it is a backfill's, which reads whole days from the archive."""
    return gap.end - gap.start > TAIL_MS


def _is_due(scheduled: datetime, interval_minutes: int) -> bool:
    return to_epoch_ms(scheduled) // MINUTE_MS % interval_minutes == 0


def _newest(platform: Platform) -> list[tuple[RegisteredSymbol, int | None]]:
    """Newest open time (epoch ms) of each tracked symbol, None before its first load."""
    marks = platform.warehouse.watermarks.get_all()
    tracked = platform.warehouse.symbols.list_tracked()
    return [
        (symbol, marks[symbol.name].last_open_time if symbol.name in marks else None)
        for symbol in tracked
    ]
