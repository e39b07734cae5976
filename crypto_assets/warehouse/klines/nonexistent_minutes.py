"""Decide which minutes do not exist although an object of the lake has them.

A source adds no minute to a window that a source of higher rank (`Source.rank`) covers completely:

- a verified archive file covers its UTC day, and the gap ledger covers its explained gaps: an
  import adds no minute there;
- minutes that were verified against the exchange's own hour cover that hour: the archive and REST
  add no minute there either. A verified object of which no row is valid covers nothing.

If a source of sufficient rank has the minute, versions of lower rank are ordinary versions of it;
see `conflict_resolution`. Versions of a minute that does not exist are refused and quarantined.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, func, select

from crypto_assets.market.candles import CANDLE_COLUMNS, CANDLE_SCHEMA, rows_from_table
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    day_of,
    floor_ms,
    group_periods,
)
from crypto_assets.warehouse.catalog.lake_objects import match_objects
from crypto_assets.warehouse.engine.schema import fact_klines, kline_gaps, lake_objects, quarantine
from crypto_assets.warehouse.engine.time_filters import match_times, match_window
from crypto_assets.warehouse.klines.conflict_resolution import rank_sources
from crypto_assets.warehouse.quality.gap_detection import MissingRange
from crypto_assets.warehouse.quality.gap_ledger import EXPLAINED_CLASSES, match_gaps
from crypto_assets.warehouse.quality.quarantine import QuarantineRecord, store_quarantine_records

_AUTHORITATIVE_SOURCES = (Source.ARCHIVE, Source.VERIFIED)
# The reason for which a minute of a verified hour is refused; stored in the quarantine.
NOT_IN_EXCHANGE_HOUR = "the exchange's own hour is made without this minute"
# The beginning of each reason for which an import is refused; stored in the quarantine.
_REFUSAL_PREFIX = "imported, but"


@dataclass(frozen=True)
class NonexistentWindow:
    """A window in which no source below `rank` adds a minute, and the reason.

    `gap_start` is the start (epoch ms) of the gap in the ledger that covers it, if one does.
    """

    window: Window
    reason: str
    rank: int = Source.ARCHIVE.rank
    gap_start: int | None = None


@dataclass(frozen=True)
class RefusedVersions:
    """Versions, as FETCHED_SCHEMA, of minutes that do not exist; one reason per row."""

    rows: pa.Table
    reasons: tuple[str, ...]

    @property
    def open_times(self) -> list[int]:
        times: list[int] = self.rows["open_time"].to_pylist()
        return times


def find_doubtful_versions(versions: pa.Table, *others: pa.Table) -> pa.Table:
    """Return the versions of minutes that, by their sources alone, may not exist.

    These are the minutes that only an import has, in `versions` or in `others`; if any minute is
    verified, all minutes that are not. Without an import or a verified minute the result is empty.
    """
    tables = (versions, *others)
    sources = {name for table in tables for name in pc.unique(table["source"]).to_pylist()}
    ranks = {Source(name).rank for name in sources}
    if not ranks - {Source.ARCHIVE.rank}:
        return versions.slice(0, 0)
    least = max(ranks) if Source.VERIFIED.rank in ranks else Source.ARCHIVE.rank
    return versions.filter(pa.array(_best_ranks(versions, others) < least))


def find_refused_versions(
    versions: pa.Table, others: Sequence[pa.Table], nonexistent: Sequence[NonexistentWindow]
) -> RefusedVersions:
    """Return the versions in a `nonexistent` window whose minute has no version of its rank.

    A version in `others` counts as well. If several windows match, the first gives the reason.
    """
    times, best = versions["open_time"].to_numpy(), _best_ranks(versions, others)
    which = np.full(len(times), -1)
    for number, absence in enumerate(nonexistent):
        within = (times >= absence.window.start_ms) & (times < absence.window.end_ms)
        which[within & (best < absence.rank) & (which < 0)] = number
    rows = versions.filter(pa.array(which >= 0))
    reasons = [nonexistent[number].reason for number in which[which >= 0].tolist()]
    sources = rows["source"].to_pylist()
    return RefusedVersions(rows, tuple(map(_format_reason, sources, reasons)))


def exclude_refused(versions: pa.Table, refused: RefusedVersions) -> pa.Table:
    """Return `versions` without those of the refused minutes."""
    if not refused.rows.num_rows:
        return versions
    nonexistent = pc.is_in(versions["open_time"], refused.rows["open_time"].combine_chunks())
    return versions.filter(pc.invert(nonexistent))


def _best_ranks(versions: pa.Table, others: Sequence[pa.Table]) -> NDArray[np.int64]:
    """Return, per row of `versions`, the highest rank of any version of its minute."""
    both = [table.select(["open_time", "source"]) for table in (versions, *others)]
    together = pa.concat_tables(both)
    _, minute = np.unique(together["open_time"].to_numpy(), return_inverse=True)
    best = np.zeros(int(minute.max(initial=-1)) + 1, np.int64)
    np.maximum.at(best, minute, rank_sources(together["source"]).to_numpy())
    ranks: NDArray[np.int64] = best[minute[: versions.num_rows]]
    return ranks


def _format_reason(source: str, reason: str) -> str:
    return f"{_REFUSAL_PREFIX} {reason}" if source == Source.IMPORT.value else reason


def quarantine_refused(
    connection: Connection, symbol: str, refused: RefusedVersions, now: int
) -> None:
    """Quarantine refused versions, each once per object that contains it.

    Part of a transaction. If the object is no longer in the manifest, the record names the table.
    """
    times = refused.open_times
    objects = _list_klines_objects(connection, symbol, Window(min(times), max(times) + 1))
    rows = rows_from_table(refused.rows.select(CANDLE_COLUMNS).cast(CANDLE_SCHEMA))
    fetches = (refused.rows[name].to_pylist() for name in ("fetched_at", "source"))
    places = [_find_source_object(objects, *fetch) for fetch in zip(times, *fetches, strict=True)]
    records = [
        QuarantineRecord(
            symbol=symbol,
            kind=ObjectKind.KLINES,
            bucket=bucket,
            key=key,
            reason=reason,
            content=orjson.dumps(row).decode(),
            open_time=at,
            noted_at=now,
        )
        for (bucket, key), at, row, reason in zip(places, times, rows, refused.reasons, strict=True)
    ]
    known = _list_quarantined_minutes(connection, symbol, set(places))
    fresh = [
        record for record in records if (record.bucket, record.key, record.open_time) not in known
    ]
    store_quarantine_records(connection, fresh)


def _list_klines_objects(connection: Connection, symbol: str, window: Window) -> list[Row[Any]]:
    table = lake_objects.c
    statement = (
        select(
            *(table.bucket, table.key, table.source),
            *(table.fetched_at, table.first_time, table.last_time),
        )
        .where(*match_objects(symbol, ObjectKind.KLINES, window))
        .order_by(table.bucket, table.key)
    )
    return list(connection.execute(statement))


def _find_source_object(
    objects: Sequence[Row[Any]], at: int, fetched_at: int, source: str
) -> tuple[str, str]:
    """Return bucket and key of the object that contains a fetch of a minute."""
    for item in objects:
        fetch = (item.fetched_at, item.source)
        if fetch == (fetched_at, source) and item.first_time <= at <= item.last_time:
            return item.bucket, item.key
    return "warehouse", fact_klines.name


def _list_quarantined_minutes(
    connection: Connection, symbol: str, places: Iterable[tuple[str, str]]
) -> set[tuple[str, str, int]]:
    """Return the minutes of these objects that were refused before, for any reason."""
    minutes: set[tuple[str, str, int]] = set()
    for bucket, key in places:
        statement = select(quarantine.c.open_time).where(
            quarantine.c.bucket == bucket,
            quarantine.c.key == key,
            quarantine.c.symbol == symbol,
            quarantine.c.reason.startswith(_REFUSAL_PREFIX),
        )
        minutes |= {(bucket, key, at) for at in connection.execute(statement).scalars()}
    return minutes


def derive_nonexistent_windows(
    objects: Iterable[LakeObject], versions: pa.Table
) -> list[NonexistentWindow]:
    """Return the windows that klines objects cover completely, oldest first.

    `versions` holds their valid rows, as FETCHED_SCHEMA.
    """
    is_verified = pc.equal(versions["source"], Source.VERIFIED.value)
    verified = np.sort(versions["open_time"].filter(is_verified).to_numpy())
    return _make_nonexistent_windows(
        [(item.source, item.first_time, item.last_time) for item in objects], verified, verified
    )


def read_nonexistent_windows(
    connection: Connection, symbol: str, symbol_id: int, window: Window
) -> list[NonexistentWindow]:
    """Read the windows without further minutes in the days that a window touches.

    They follow from the objects of the manifest, from stored minutes (whose objects may have
    expired), from explained gaps (closed ones too, because an import may have closed them), and
    from minutes that were refused before.
    """
    days = window.widen_to(DAY_MS)
    names = [source.value for source in _AUTHORITATIVE_SOURCES]
    objects = select(
        lake_objects.c.source, lake_objects.c.first_time, lake_objects.c.last_time
    ).where(*match_objects(symbol, ObjectKind.KLINES, days), lake_objects.c.source.in_(names))
    hour = (fact_klines.c.open_time - fact_klines.c.open_time % HOUR_MS).label("hour")
    minutes = (
        select(fact_klines.c.source, fact_klines.c.open_time, hour)
        .where(*match_window(fact_klines, symbol_id, days), fact_klines.c.source.in_(names))
        .subquery("minutes")
    )
    opened = minutes.c.open_time
    stored = select(minutes.c.source, func.min(opened), func.max(opened)).group_by(
        minutes.c.source, minutes.c.hour
    )
    runs = [
        [(Source(source), first, last) for source, first, last in connection.execute(statement)]
        for statement in (objects, stored)
    ]
    verified = sorted((first, last) for source, first, last in runs[1] if source is Source.VERIFIED)
    firsts, lasts = np.array(verified, np.int64).reshape(-1, 2).T
    return [
        *_make_nonexistent_windows([*runs[0], *runs[1]], firsts, lasts),
        *_read_explained_gaps(connection, symbol_id, days),
        *_read_refused_imports(connection, symbol, days),
    ]


def _make_nonexistent_windows(
    covered: Collection[tuple[Source, int, int]],
    verified_firsts: NDArray[np.int64],
    verified_lasts: NDArray[np.int64],
) -> list[NonexistentWindow]:
    """Return the days of the archive, then the verified hours that have a verified minute.

    `covered` holds source, first and last open time of runs of minutes. The arrays hold the first
    and the last open times of the runs of valid verified minutes, ascending: the rows of an object
    in an hour may all be invalid.
    """
    days = {floor_ms(first, DAY_MS) for source, first, _ in covered if source is Source.ARCHIVE}
    hours = {
        hour
        for source, first, last in covered
        if source is Source.VERIFIED
        for hour in _list_verified_windows(first, last)
        # The run that begins last before the window's end must reach into the window.
        if (run := np.searchsorted(verified_firsts, hour.end_ms)) > 0
        and verified_lasts[run - 1] >= hour.start_ms
    }
    archived = "neither the archive of {} nor REST has this minute"
    rank = Source.VERIFIED.rank
    return [
        *(
            NonexistentWindow(Window(at, at + DAY_MS), archived.format(day_of(at)))
            for at in sorted(days)
        ),
        *(NonexistentWindow(window, NOT_IN_EXCHANGE_HOUR, rank) for window in sorted(hours)),
    ]


def _list_verified_windows(first: int, last: int) -> list[Window]:
    """Return the hours that verified minutes cover, from the first to the last open time.

    Minutes off the minute grid were verified against an hour off the grid. They cover only
    themselves, because the hours of the grid contain minutes of the neighboring hours too.
    """
    if first % MINUTE_MS:
        return [Window(first, last + 1)]
    return [Window(at, at + HOUR_MS) for at in range(floor_ms(first, HOUR_MS), last + 1, HOUR_MS)]


def _read_explained_gaps(
    connection: Connection, symbol_id: int, window: Window
) -> list[NonexistentWindow]:
    table = kline_gaps.c
    statement = (
        select(table.start, table.end, table["class"])
        .where(
            table.symbol_id == symbol_id,
            table["class"].in_(EXPLAINED_CLASSES),
            *match_gaps(window),
        )
        .order_by(table.start)
    )
    reason = "the gap ledger records {}: the exchange has no such minute"
    return [
        NonexistentWindow(
            MissingRange(start, end).window, reason.format(gap_class), gap_start=start
        )
        for start, end, gap_class in connection.execute(statement)
    ]


def _read_refused_imports(
    connection: Connection, symbol: str, window: Window
) -> list[NonexistentWindow]:
    """Read the imported minutes that are in quarantine, as windows.

    The exchange may have no hour there, which no object and no gap records.
    """
    statement = (
        select(quarantine.c.open_time, quarantine.c.reason)
        .where(
            quarantine.c.symbol == symbol,
            *match_times(quarantine.c.open_time, window),
            quarantine.c.reason.startswith(_REFUSAL_PREFIX),
        )
        .order_by(quarantine.c.open_time)
    )
    rows = connection.execute(statement).all()
    return [
        NonexistentWindow(window, text.removeprefix(f"{_REFUSAL_PREFIX} "))
        for text, run in groupby(rows, key=lambda row: row.reason)
        for window in group_periods((row.open_time for row in run), 1, MINUTE_MS - 1)
    ]
