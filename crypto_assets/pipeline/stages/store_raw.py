"""Exchange → lake: stores a symbol's days as objects, and records each in the manifest."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from datetime import date

from crypto_assets.errors import ArchiveBroken, CryptoAssetsError, ObjectMissing
from crypto_assets.exchange import Exchange
from crypto_assets.lake import Lake, build_klines_object, describe_object
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.utc_time import Window, day_start_ms, format_utc
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.fetch import (
    FetchedDay,
    FetchedKlines,
    fetch_archive_only,
    fetch_day,
    fetch_window,
)
from crypto_assets.pipeline.stages.results import DayOutcome, KlinesStage
from crypto_assets.pipeline.stages.symbol_status import find_end_ms, is_listed
from crypto_assets.warehouse import QuarantineRecord

# Fetches a symbol's day from certain sources, up to an instant of the exchange's clock (epoch ms).
DayFetcher = Callable[[Exchange, str, date, int], FetchedDay]


@dataclass(frozen=True)
class StoredDay:
    """A day as it was stored in the lake; `bodies` holds the objects' bytes by key.

    `is_complete` is False if the lake may hold more of the day. `broken` is the error of an archive
    file that was refused.
    """

    day: date
    objects: tuple[LakeObject, ...] = ()
    bodies: tuple[tuple[str, bytes], ...] = ()
    note: str | None = None
    error: CryptoAssetsError | None = None
    broken: ArchiveBroken | None = None
    is_complete: bool = True

    def build_outcome(self, symbol: str) -> DayOutcome:
        return build_raw_outcome(symbol, self, self.objects if self.is_complete else None)


def build_raw_outcome(
    symbol: str, stored: StoredDay, objects: Sequence[LakeObject] | None
) -> DayOutcome:
    """The outcome of storing a day; `objects` are all that the lake holds of it, if known."""
    details: dict[str, object] = {
        "stored_objects": len(stored.objects),
        "stored_bytes": sum(item.size_bytes for item in stored.objects),
        "keys": [item.key for item in stored.objects or objects or ()],
    }
    if stored.note:
        details["note"] = stored.note
    outcome = DayOutcome(KlinesStage.RAW, symbol, stored.day, details=details, error=stored.error)
    if objects is None:
        return outcome
    times = [time for item in objects for time in (item.first_time, item.last_time)]
    time_range = (min(times), max(times)) if times else None
    return replace(outcome, rows=sum(item.rows for item in objects), time_range=time_range)


def store_days(
    context: PipelineContext,
    symbol: str,
    days: Iterable[date],
    closed_before_ms: int,
    pool: Executor,
    fetcher: DayFetcher = fetch_day,
) -> list[Future[StoredDay]]:
    """Start to fetch and store whole days; a day that fails holds its error."""
    limits = pool.submit(_read_limits, context, symbol)
    return [
        pool.submit(_store_day, context, symbol, day, closed_before_ms, fetcher, limits)
        for day in days
    ]


def store_window(
    context: PipelineContext, symbol: str, window: Window, closed_before_ms: int
) -> list[StoredDay]:
    """Fetch the closed candles of a window over REST, and store them.

    Returns the days that have some, oldest first. Raises ExchangeError, LakeError.
    """
    fetched = fetch_window(context.exchange, symbol, window, closed_before_ms)
    return [
        replace(store_fetched_day(context.raw_lake, symbol, day, klines), is_complete=False)
        for day, klines in sorted(fetched.items())
    ]


def record_stored_days(context: PipelineContext, symbol: str, stored: Iterable[StoredDay]) -> None:
    """Record the stored objects in the manifest, and refused archive files in quarantine."""
    stored = list(stored)
    context.warehouse.lake_objects.record_objects([item for day in stored for item in day.objects])
    context.warehouse.quarantine.add_records(
        [
            _build_quarantined_archive(context.exchange, symbol, day.day, day.broken)
            for day in stored
            if day.broken
        ]
    )


def store_fetched_day(lake: Lake, symbol: str, day: date, fetched: FetchedDay) -> StoredDay:
    """Store what was fetched of a day in the lake. Raises LakeError."""
    stored = [_put_klines(lake, symbol, part) for part in fetched.parts]
    return StoredDay(
        day,
        objects=tuple(item for item, _ in stored),
        bodies=tuple((item.key, body) for item, body in stored),
        note=fetched.note,
        broken=fetched.broken,
    )


def _build_quarantined_archive(
    exchange: Exchange, symbol: str, day: date, broken: ArchiveBroken
) -> QuarantineRecord:
    """A record of an archive file that was not stored; its key is its address in the archive."""
    return QuarantineRecord(
        symbol=symbol,
        kind=ObjectKind.KLINES,
        bucket=exchange.archive.base_url,
        key=f"{symbol}-1m-{day}.zip",
        reason=str(broken),
        content="",
    )


@dataclass(frozen=True)
class _FetchLimits:
    """What of a symbol is not fetched.

    Days before `expired_before` and from `end` on (epoch ms), and anything over REST if the
    exchange does not list the symbol.
    """

    expired_before: int
    end: int | None
    is_listed: bool


def _read_limits(context: PipelineContext, symbol: str) -> _FetchLimits:
    expired_before = context.warehouse.watermarks.get_watermark(symbol).purged_before or 0
    end = find_end_ms(context.warehouse, symbol)
    return _FetchLimits(expired_before, end, is_listed(context, symbol))


def _store_day(
    context: PipelineContext,
    symbol: str,
    day: date,
    closed_before_ms: int,
    fetcher: DayFetcher,
    pending_limits: Future[_FetchLimits],
) -> StoredDay:
    try:
        limits = pending_limits.result()
        if day_start_ms(day) < limits.expired_before:
            note = f"expired: nothing before {format_utc(limits.expired_before)} is fetched"
            return StoredDay(day, note=note, is_complete=False)
        if limits.end is not None and day_start_ms(day) >= limits.end:
            note = f"delisted: there is nothing from {format_utc(limits.end)} on"
            return StoredDay(day, note=note, is_complete=False)
        fetch = fetcher if limits.is_listed else fetch_archive_only
        fetched = fetch(context.exchange, symbol, day, closed_before_ms)
        return store_fetched_day(context.raw_lake, symbol, day, fetched)
    except CryptoAssetsError as error:
        return StoredDay(day, error=error)


def _put_klines(lake: Lake, symbol: str, fetched: FetchedKlines) -> tuple[LakeObject, bytes]:
    """Store klines; returns the object under their key, which may be one that holds more rows."""
    item, body = build_klines_object(
        lake.bucket, symbol, fetched.klines, fetched.source, fetched.fetched_at
    )
    if lake.put(item.key, body, fetched_at=item.fetched_at, source=item.source, rows=item.rows):
        return item, body
    try:
        info, existing = lake.get_with_info(item.key)
    except ObjectMissing:  # another run has just moved or removed it
        return _put_klines(lake, symbol, fetched)
    return describe_object(lake.bucket, item.key, existing, info.fetched_at), existing
