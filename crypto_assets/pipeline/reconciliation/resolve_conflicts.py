"""Resolves conflicts of the exchange with itself: the minutes that give its own hour count.

The daily archive and REST may give different values of a minute, and either may not be what the
exchange built its own hour from (truth rule 6). Where a stored hour differs from the exchange's
own, REST's minutes of the hour are fetched. If they give it, or else the archive's do, they are
put into the lake under the source `verified`, which counts over every other fetch, whenever that
is made. If neither does, the exchange contradicts itself: that is recorded and listed, and is no
difference of ours.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

import pyarrow.compute as pc

from crypto_assets.lake import decode_klines
from crypto_assets.market.candle_validation import validate_rows
from crypto_assets.market.candles import KlineRow, candles_from_table
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.raw_klines import RawKlines
from crypto_assets.market.utc_time import (
    HOUR_MS,
    MINUTE_MS,
    Window,
    day_of,
    floor_ms,
    format_utc,
    now_ms,
)
from crypto_assets.pipeline.context import Platform
from crypto_assets.pipeline.reconciliation.diff import Difference, Yardstick, text
from crypto_assets.pipeline.reconciliation.exchange_periods import (
    DifferingPeriod,
    Period,
    compare_periods,
    differences_of,
    gives,
)
from crypto_assets.pipeline.reconciliation.expected_periods import Loaded
from crypto_assets.pipeline.reconciliation.imported_hours import (
    drop_imported_hours,
    list_imported_hours,
)
from crypto_assets.pipeline.reconciliation.internal_checks import unpurged
from crypto_assets.pipeline.stages.fetch import DayPulls, Pull
from crypto_assets.pipeline.stages.lake_reader import find_body, merged
from crypto_assets.pipeline.stages.load_facts import load_klines
from crypto_assets.pipeline.stages.store_raw import record, store_pulls
from crypto_assets.warehouse import ConflictKind, ExchangeConflict

_NAMED_AT_MOST = 6


@dataclass(frozen=True)
class Match:
    """A version of a period's minutes, as rows of 12 fields, that gives the exchange's candle."""

    period: Period
    rows: list[KlineRow]
    origin: Source


class ExchangeMinutes:
    """The exchange's minutes of some periods of a symbol, fetched when first asked for.

    `periods` are those that may be asked for: neighbors share a request, a day at most.
    """

    def __init__(self, platform: Platform, symbol: str, periods: Iterable[Period]) -> None:
        self.symbol = symbol
        self.platform = platform
        self._spans = [
            part
            for span in merged([period.window for period in periods])
            for day in span.iter_days()
            if (part := span & Window.of_day(day))
        ]
        self._from_rest: dict[Window, list[KlineRow]] = {}

    def by_rest(self, window: Window) -> list[KlineRow]:
        """Return REST's rows of a period's window. Raises ExchangeError."""
        return [
            row
            for span in self._spans
            if span & window
            for row in self._fetch(span)
            if int(row[0]) in window
        ]

    def by_archive(self, window: Window) -> list[KlineRow]:
        """Return the rows that the lake's archive files have of a window. Raises LakeError."""
        rows: list[KlineRow] = []
        days = list(window.iter_days())
        objects = self.platform.warehouse.lake_objects.list_in_window(
            self.symbol, ObjectKind.KLINES, Window.of_days(days[0], days[-1])
        )
        for item in objects:
            if item.source is Source.ARCHIVE:
                body = find_body(self.platform, item)  # `verify` lists what the lake has lost
                rows += [row for row in decode_klines(body or b"[]") if int(row[0]) in window]
        return sorted(rows, key=lambda row: int(row[0]))

    def verified_times(self, window: Window) -> set[int]:
        """Return the open times of the stored minutes of a window that were verified."""
        stored = self.platform.warehouse.facts.read_fetched_candles(self.symbol, window)
        verified = pc.equal(stored["source"], Source.VERIFIED.value)
        return set(stored["open_time"].filter(verified).to_pylist())

    def _fetch(self, span: Window) -> list[KlineRow]:
        if span not in self._from_rest:
            pages = self.platform.exchange.rest.klines(self.symbol, Interval.M1, span)
            self._from_rest[span] = [row for page in pages for row in page]
        return self._from_rest[span]


def resolve_conflicts(
    platform: Platform, symbol: str, window: Window, closed_before_ms: int
) -> list[ExchangeConflict]:
    """Load, for each stored hour that differs from the exchange's own, the minutes that give it.

    Compares the closed hours that open in `window`: one request for each 1,000 of them, and at
    most two for each day in which one differs. So are hours loaded whose verified minutes the lake
    has lost, since a rebuild needs them. Of an hour that the exchange does not have, what an import
    brought is dropped. Hours and days are to be computed again where anything comes back. Returns
    the conflicts, as recorded. Raises ExchangeError, LakeError, WarehouseError.
    """
    closed = window & Window(window.start_ms, floor_ms(closed_before_ms, HOUR_MS))
    closed = unpurged(platform, symbol, closed)  # what has expired is not loaded again
    if not closed:
        return []
    yardstick = Yardstick(symbol, platform.warehouse.has_exact_decimals)
    compared = compare_periods(platform, yardstick, Interval.H1, closed, Loaded(platform, symbol))
    periods = [one.period for one in compared.differing]
    if imported := list_imported_hours(platform, symbol, periods):
        drop_imported_hours(platform, symbol, imported, closed_before_ms)
    lost = _find_lost(platform, symbol, closed)
    asked = [*periods, *lost]
    minutes = ExchangeMinutes(platform, symbol, asked)
    matches = [match for one in asked if (match := find_match(minutes, yardstick, one))]
    if not matches:
        return []
    conflicts = [
        ExchangeConflict(
            symbol,
            match.period.interval,
            match.period.open_time,
            ConflictKind.RESOLVED,
            _changes(platform, yardstick, match),
        )
        for match in matches
        if match.period not in lost  # these are on record
    ]
    # First: a run that is killed before the load finds the same conflicts again, and records none
    # after it, when the hours are equal.
    platform.warehouse.exchange_conflicts.record_conflicts(symbol, conflicts)
    _load(platform, symbol, matches)
    return conflicts


def find_match(minutes: ExchangeMinutes, yardstick: Yardstick, period: Period) -> Match | None:
    """Return the version of a period's minutes that gives the exchange's candle, if one does.

    REST's is tried first, with the archive's minutes without a trade that it lacks and without
    them, then that of the archive files that the lake holds. There is none of a
    period that the exchange does not have, of one on the grid that one off it cuts short, and where
    the exchange has withdrawn a verified minute: what is loaded would not take its place. Raises
    ExchangeError, LakeError, WarehouseError.
    """
    window = period.window
    cut_short = not period.is_off_grid and window.end_ms - window.start_ms < period.interval.ms
    if period.theirs is None or cut_short:
        return None
    lasting = minutes.verified_times(window)
    rest, archived = minutes.by_rest(window), minutes.by_archive(window)
    versions = (
        (Source.REST, _with_quiet_minutes(rest, archived)),
        (Source.REST, rest),
        (Source.ARCHIVE, archived),
    )
    for origin, rows in versions:
        if not rows or not lasting <= {int(row[0]) for row in rows}:
            continue
        if gives(yardstick, validate_rows(rows, window).candles, period):
            return Match(period, rows, origin)
    return None


def _with_quiet_minutes(rows: Sequence[KlineRow], archived: Sequence[KlineRow]) -> list[KlineRow]:
    """Add the archive's minutes without a trade that REST lacks: an hour may be the same with them.

    What is verified speaks for the whole hour; without them they would be refused.
    """
    minutes = {floor_ms(int(row[0]), MINUTE_MS) for row in rows}
    quiet = [
        row
        for row in archived
        if floor_ms(int(row[0]), MINUTE_MS) not in minutes and not Decimal(str(row[5]))
    ]
    return sorted([*rows, *quiet], key=lambda row: int(row[0])) if rows else []


def describe_contradiction(
    minutes: ExchangeMinutes, yardstick: Yardstick, one: DifferingPeriod
) -> ExchangeConflict:
    """Return what is to be recorded of a period that no version of its minutes gives.

    Raises ExchangeError, where REST's minutes are not to be had.
    """
    period = one.period
    kind = ConflictKind.OFF_GRID if period.is_off_grid else ConflictKind.CONTRADICTION
    candles = validate_rows(minutes.by_rest(period.window), period.window).candles
    rest = differences_of(yardstick, candles, period)
    evidence = [_sides(each, "our minutes give") for each in one.differences[:_NAMED_AT_MOST]]
    evidence += [_sides(each, "REST's minutes give") for each in rest[:_NAMED_AT_MOST]]
    text = "; ".join(dict.fromkeys(evidence))
    return ExchangeConflict(yardstick.symbol, period.interval, period.open_time, kind, text)


def _find_lost(platform: Platform, symbol: str, closed: Window) -> list[Period]:
    """Return the hours whose verified minutes the manifest names and no lake holds.

    The stored minutes still give them; a rebuild from the lake alone would not.
    """
    days = list(closed.iter_days())
    objects = platform.warehouse.lake_objects.list_in_window(
        symbol, ObjectKind.KLINES, Window.of_days(days[0], days[-1])
    )
    lost = [
        Window(item.first_time, item.last_time + 1)
        for item in objects
        if item.source is Source.VERIFIED and find_body(platform, item) is None
    ]
    hours = [
        Window(floor_ms(span.start_ms, HOUR_MS), floor_ms(span.end_ms - 1, HOUR_MS) + HOUR_MS)
        for span in lost
    ]
    return [
        Period(Interval.H1, Window(theirs.open_time, theirs.open_time + HOUR_MS), theirs)
        for span in merged(hours)
        for theirs in candles_from_table(
            platform.exchange.rest.candle_table(symbol, Interval.H1, span)
        )
        if theirs.open_time % HOUR_MS == 0
    ]


def _load(platform: Platform, symbol: str, matches: Sequence[Match]) -> None:
    """Put the minutes into the lake, a run of hours of a day as one object, and load them."""
    fetched_at = now_ms()
    pulls: defaultdict[date, list[Pull]] = defaultdict(list)
    spans = merged([match.period.window for match in matches])
    rows = sorted((row for match in matches for row in match.rows), key=lambda row: int(row[0]))
    for span in spans:
        own = [row for row in rows if int(row[0]) in span]
        for day, part in groupby(own, key=lambda row: day_of(int(row[0]))):
            pulls[day].append(Pull(Source.VERIFIED, RawKlines.from_rows(list(part)), fetched_at))
    stored = [store_pulls(platform, symbol, day, DayPulls(own)) for day, own in pulls.items()]
    record(platform, symbol, stored)
    bodies = dict(body for day in stored for body in day.bodies)
    load_klines(platform, symbol, Window.of_days(min(pulls), max(pulls)), bodies)


def _changes(platform: Platform, yardstick: Yardstick, match: Match) -> str:
    """Name what a version changes in the stored minutes, with both values and sources."""
    window, origin = match.period.window, match.origin
    stored = platform.warehouse.facts.read_fetched_candles(yardstick.symbol, window).to_pylist()
    old = {row["open_time"]: row for row in stored}
    new = {
        one.open_time: one for one in candles_from_table(validate_rows(match.rows, window).candles)
    }
    named = []
    for at in sorted({*old, *new}):
        if at not in old or at not in new:
            source = old[at]["source"] if at in old else origin
            named.append(f"{format_utc(at)}: {source} alone has it")
            continue
        named += [
            f"{format_utc(at)} {name}: {old[at]['source']} {text(old[at][name])}, "
            f"{origin} {text(value)}"
            for name, value in vars(new[at]).items()
            if not yardstick.equal(old[at][name], value)
        ]
    more = f" and {len(named) - _NAMED_AT_MOST} more" if len(named) > _NAMED_AT_MOST else ""
    shown = "; ".join(named[:_NAMED_AT_MOST])
    return f"{origin} gives the exchange's own hour; {shown}{more}"


def _sides(one: Difference, ours: str) -> str:
    return f"{one.column}: {ours} {text(one.ours)}, the exchange's own is {text(one.theirs)}"
