"""Exchange → lake: a symbol's days as objects, each recorded in the manifest."""

from collections.abc import Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import date

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.lake import describe, klines_object
from crypto_assets.market.clock import day_start_ms, isoformat
from crypto_assets.market.lake_object import LakeObject
from crypto_assets.pipeline.outcome import DayOutcome, Stage
from crypto_assets.pipeline.platform import Platform
from crypto_assets.pipeline.sources import DayPulls, Pull, pull_day, pull_tail


@dataclass(frozen=True)
class StoredDay:
    """A day as it now lies in the lake; `bodies` are the objects' bytes by key."""

    day: date
    objects: tuple[LakeObject, ...] = ()
    bodies: tuple[tuple[str, bytes], ...] = ()
    note: str | None = None
    error: CryptoAssetsError | None = None

    def outcome(self, symbol: str) -> DayOutcome:
        facts: dict[str, object] = {"objects": [item.key for item in self.objects]}
        if self.objects:
            facts["first_candle"] = isoformat(min(item.first_time for item in self.objects))
            facts["last_candle"] = isoformat(max(item.last_time for item in self.objects))
        if self.note:
            facts["note"] = self.note
        rows = sum(item.rows for item in self.objects)
        return DayOutcome(Stage.RAW, symbol, self.day, rows, facts, self.error)


def store_days(
    platform: Platform, symbol: str, days: Iterable[date], closed_before_ms: int, pool: Executor
) -> list[Future[StoredDay]]:
    """Begin to fetch and store whole days; a day that fails carries its error."""
    return [pool.submit(_store_day, platform, symbol, day, closed_before_ms) for day in days]


def store_tail(
    platform: Platform, symbol: str, since_ms: int, closed_before_ms: int
) -> list[StoredDay]:
    """Fetch and store what closed since an open time (epoch ms). Raises ExchangeError."""
    pulled = pull_tail(platform.exchange, symbol, since_ms, closed_before_ms)
    return [_store(platform, symbol, day, pulls) for day, pulls in sorted(pulled.items())]


def record(platform: Platform, stored: Iterable[StoredDay]) -> None:
    """Write the stored objects into the manifest."""
    platform.warehouse.objects.record([item for day in stored for item in day.objects])


def _store_day(platform: Platform, symbol: str, day: date, closed_before_ms: int) -> StoredDay:
    try:
        purged = platform.warehouse.watermarks.get(symbol).purged_before or 0
        if day_start_ms(day) < purged:
            return StoredDay(day, note=f"retired: nothing before {isoformat(purged)} is fetched")
        pulls = pull_day(platform.exchange, symbol, day, closed_before_ms)
        return _store(platform, symbol, day, pulls)
    except CryptoAssetsError as error:
        return StoredDay(day, error=error)


def _store(platform: Platform, symbol: str, day: date, pulls: DayPulls) -> StoredDay:
    stored = [_put(platform, symbol, pull) for pull in pulls.pulls]
    return StoredDay(
        day,
        objects=tuple(item for item, _ in stored),
        bodies=tuple((item.key, body) for item, body in stored),
        note=pulls.note,
    )


def _put(platform: Platform, symbol: str, pull: Pull) -> tuple[LakeObject, bytes]:
    """What stands in the lake afterwards: the pull, or an object that holds more than it."""
    lake = platform.raw
    item, body = klines_object(lake.bucket, symbol, pull.rows, pull.source, pull.fetched_at)
    if lake.put(item.key, body, fetched_at=item.fetched_at, source=item.source, rows=item.rows):
        return item, body
    info, standing = lake.read(item.key)
    return describe(lake.bucket, item.key, standing, info.fetched_at), standing
