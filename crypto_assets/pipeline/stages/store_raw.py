"""Exchange → lake: a symbol's days as objects, each recorded in the manifest."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from datetime import date

from crypto_assets.errors import ArchiveBroken, CryptoAssetsError, ObjectMissing
from crypto_assets.exchange import Exchange
from crypto_assets.lake import build_klines_object, describe_object
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

# From which sources a day is asked, up to which instant of the exchange's clock.
DayFetcher = Callable[[Exchange, str, date, int], FetchedDay]


@dataclass(frozen=True)
class StoredDay:
    """A day as it was put into the lake; `bodies` are the objects' bytes by key.

    Not `whole` where the lake may hold more of it.
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
    symbol: str, stored: StoredDay, held: Sequence[LakeObject] | None
) -> DayOutcome:
    """What was put into the lake of a day, and what it holds of the day, if that is known."""
    facts: dict[str, object] = {
        "stored_objects": len(stored.objects),
        "stored_bytes": sum(item.size_bytes for item in stored.objects),
        "keys": [item.key for item in stored.objects or held or ()],
    }
    if stored.note:
        facts["note"] = stored.note
    outcome = DayOutcome(KlinesStage.RAW, symbol, stored.day, details=facts, error=stored.error)
    if held is None:
        return outcome
    times = [time for item in held for time in (item.first_time, item.last_time)]
    reach = (min(times), max(times)) if times else None
    return replace(outcome, rows=sum(item.rows for item in held), time_range=reach)


def store_days(
    platform: PipelineContext,
    symbol: str,
    days: Iterable[date],
    closed_before_ms: int,
    pool: Executor,
    pull: DayFetcher = fetch_day,
) -> list[Future[StoredDay]]:
    """Begin to fetch and store whole days; a day that fails carries its error."""
    limits = pool.submit(_read_limits, platform, symbol)
    return [
        pool.submit(_store_day, platform, symbol, day, closed_before_ms, pull, limits)
        for day in days
    ]


def store_window(
    platform: PipelineContext, symbol: str, window: Window, closed_before_ms: int
) -> list[StoredDay]:
    """Fetch and store what closed of a window, by REST. Raises ExchangeError, LakeError."""
    pulled = fetch_window(platform.exchange, symbol, window, closed_before_ms)
    stored = [
        store_fetched_day(platform, symbol, day, pulls) for day, pulls in sorted(pulled.items())
    ]
    return [replace(day, is_complete=False) for day in stored]


def record_stored_days(platform: PipelineContext, symbol: str, stored: Iterable[StoredDay]) -> None:
    """Write the stored objects into the manifest, and refused archive files into quarantine."""
    stored = list(stored)
    platform.warehouse.lake_objects.record_objects([item for day in stored for item in day.objects])
    platform.warehouse.quarantine.add_records(
        [
            _build_quarantined_archive(platform, symbol, day.day, day.broken)
            for day in stored
            if day.broken
        ]
    )


def _build_quarantined_archive(
    platform: PipelineContext, symbol: str, day: date, broken: ArchiveBroken
) -> QuarantineRecord:
    """A file that never came into the lake: it lies where the archive has it."""
    return QuarantineRecord(
        symbol=symbol,
        kind=ObjectKind.KLINES,
        bucket=platform.exchange.archive.base_url,
        key=f"{symbol}-1m-{day}.zip",
        reason=str(broken),
        content="",
    )


@dataclass(frozen=True)
class _FetchLimits:
    """What of a symbol is not fetched: what was retired, what comes after its end (both epoch ms),
    and anything over REST, where the exchange does not list it."""

    purged_before: int
    end: int | None
    listed: bool


def _read_limits(platform: PipelineContext, symbol: str) -> _FetchLimits:
    purged = platform.warehouse.watermarks.get_watermark(symbol).purged_before or 0
    return _FetchLimits(purged, find_end_ms(platform, symbol), is_listed(platform, symbol))


def _store_day(
    platform: PipelineContext,
    symbol: str,
    day: date,
    closed_before_ms: int,
    pull: DayFetcher,
    limits: Future[_FetchLimits],
) -> StoredDay:
    try:
        known = limits.result()
        if day_start_ms(day) < known.purged_before:
            note = f"retired: nothing before {format_utc(known.purged_before)} is fetched"
            return StoredDay(day, note=note, is_complete=False)
        if known.end is not None and day_start_ms(day) >= known.end:
            note = f"delisted: there is nothing from {format_utc(known.end)} on"
            return StoredDay(day, note=note, is_complete=False)
        pulls = (pull if known.listed else fetch_archive_only)(
            platform.exchange, symbol, day, closed_before_ms
        )
        return store_fetched_day(platform, symbol, day, pulls)
    except CryptoAssetsError as error:
        return StoredDay(day, error=error)


def store_fetched_day(
    platform: PipelineContext, symbol: str, day: date, pulls: FetchedDay
) -> StoredDay:
    """Put what was fetched of a day into the lake. Raises LakeError."""
    stored = [_put_klines(platform, symbol, pull) for pull in pulls.parts]
    return StoredDay(
        day,
        objects=tuple(item for item, _ in stored),
        bodies=tuple((item.key, body) for item, body in stored),
        note=pulls.note,
        broken=pulls.broken,
    )


def _put_klines(
    platform: PipelineContext, symbol: str, pull: FetchedKlines
) -> tuple[LakeObject, bytes]:
    """What stands in the lake afterwards: the pull, or an object that holds more than it."""
    lake = platform.raw_lake
    item, body = build_klines_object(lake.bucket, symbol, pull.klines, pull.source, pull.fetched_at)
    if lake.put(item.key, body, fetched_at=item.fetched_at, source=item.source, rows=item.rows):
        return item, body
    try:
        info, standing = lake.get_with_info(item.key)
    except ObjectMissing:  # another run has just moved or removed it
        return _put_klines(platform, symbol, pull)
    return describe_object(lake.bucket, item.key, standing, info.fetched_at), standing
