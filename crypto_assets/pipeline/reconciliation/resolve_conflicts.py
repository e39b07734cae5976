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
    merge_windows,
    now_ms,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.reconciliation.diff import (
    CandleComparer,
    Difference,
    format_candle_value,
)
from crypto_assets.pipeline.reconciliation.exchange_periods import (
    DifferingPeriod,
    ExchangePeriod,
    compare_periods,
    compare_with_exchange_candle,
    matches_exchange_candle,
)
from crypto_assets.pipeline.reconciliation.expected_periods import ExpectedPeriods
from crypto_assets.pipeline.reconciliation.imported_hours import (
    drop_imported_hours,
    list_imported_hours,
)
from crypto_assets.pipeline.reconciliation.internal_checks import exclude_purged
from crypto_assets.pipeline.stages.fetch import FetchedDay, FetchedKlines
from crypto_assets.pipeline.stages.lake_reader import find_object_body
from crypto_assets.pipeline.stages.load_facts import load_klines
from crypto_assets.pipeline.stages.store_raw import record_stored_days, store_fetched_day
from crypto_assets.warehouse import ConflictKind, ExchangeConflict

_MAX_NAMED = 6


@dataclass(frozen=True)
class MatchingVersion:
    """A version of a period's minutes, as rows of 12 fields, that gives the exchange's candle."""

    period: ExchangePeriod
    rows: list[KlineRow]
    origin: Source


class ExchangeMinutes:
    """The exchange's minutes of some periods of a symbol, fetched when first asked for.

    `periods` are those that may be asked for: neighbors share a request, a day at most.
    """

    def __init__(
        self, platform: PipelineContext, symbol: str, periods: Iterable[ExchangePeriod]
    ) -> None:
        self.symbol = symbol
        self.platform = platform
        self._spans = [
            part
            for span in merge_windows(period.window for period in periods)
            for part in span.split_by_day()
        ]
        self._from_rest: dict[Window, list[KlineRow]] = {}

    def read_rest_rows(self, window: Window) -> list[KlineRow]:
        """Return REST's rows of a period's window. Raises ExchangeError."""
        return [
            row
            for span in self._spans
            if span & window
            for row in self._fetch_span(span)
            if int(row[0]) in window
        ]

    def read_archive_rows(self, window: Window) -> list[KlineRow]:
        """Return the rows that the lake's archive files have of a window. Raises LakeError."""
        rows: list[KlineRow] = []
        days = list(window.iter_days())
        objects = self.platform.warehouse.lake_objects.list_in_window(
            self.symbol, ObjectKind.KLINES, Window.of_days(days[0], days[-1])
        )
        for item in objects:
            if item.source is Source.ARCHIVE:
                body = find_object_body(
                    self.platform, item
                )  # `verify` lists what the lake has lost
                rows += [row for row in decode_klines(body or b"[]") if int(row[0]) in window]
        return sorted(rows, key=lambda row: int(row[0]))

    def read_verified_times(self, window: Window) -> set[int]:
        """Return the open times of the stored minutes of a window that were verified."""
        stored = self.platform.warehouse.facts.read_fetched_candles(self.symbol, window)
        verified = pc.equal(stored["source"], Source.VERIFIED.value)
        return set(stored["open_time"].filter(verified).to_pylist())

    def _fetch_span(self, span: Window) -> list[KlineRow]:
        if span not in self._from_rest:
            pages = self.platform.exchange.rest.fetch_kline_pages(self.symbol, Interval.M1, span)
            self._from_rest[span] = [row for page in pages for row in page]
        return self._from_rest[span]


def resolve_conflicts(
    platform: PipelineContext, symbol: str, window: Window, closed_before_ms: int
) -> list[ExchangeConflict]:
    """Load, for each stored hour that differs from the exchange's own, the minutes that give it.

    Compares the closed hours that open in `window`: one request for each 1,000 of them, and at
    most two for each day in which one differs. So are hours loaded whose verified minutes the lake
    has lost, since a rebuild needs them. Of an hour that the exchange does not have, what an import
    brought is dropped. Hours and days are to be computed again where anything comes back. Returns
    the conflicts, as recorded. Raises ExchangeError, LakeError, WarehouseError.
    """
    closed = window & Window(window.start_ms, floor_ms(closed_before_ms, HOUR_MS))
    closed = exclude_purged(platform, symbol, closed)  # what has expired is not loaded again
    if not closed:
        return []
    yardstick = CandleComparer(symbol, platform.warehouse.has_exact_decimals)
    compared = compare_periods(
        platform, yardstick, Interval.H1, closed, ExpectedPeriods(platform, symbol)
    )
    periods = [one.period for one in compared.differing]
    if imported := list_imported_hours(platform, symbol, periods):
        drop_imported_hours(platform, symbol, imported, closed_before_ms)
    lost = _find_lost_hours(platform, symbol, closed)
    asked = [*periods, *lost]
    minutes = ExchangeMinutes(platform, symbol, asked)
    matches = [match for one in asked if (match := find_matching_version(minutes, yardstick, one))]
    if not matches:
        return []
    conflicts = [
        ExchangeConflict(
            symbol,
            match.period.interval,
            match.period.open_time,
            ConflictKind.RESOLVED,
            _describe_changes(platform, yardstick, match),
        )
        for match in matches
        if match.period not in lost  # these are on record
    ]
    # First: a run that is killed before the load finds the same conflicts again, and records none
    # after it, when the hours are equal.
    platform.warehouse.exchange_conflicts.record_conflicts(symbol, conflicts)
    _load_versions(platform, symbol, matches)
    return conflicts


def find_matching_version(
    minutes: ExchangeMinutes, yardstick: CandleComparer, period: ExchangePeriod
) -> MatchingVersion | None:
    """Return the version of a period's minutes that gives the exchange's candle, if one does.

    REST's is tried first, with the archive's minutes without a trade that it lacks and without
    them, then that of the archive files that the lake holds. There is none of a
    period that the exchange does not have, of one on the grid that one off it cuts short, and where
    the exchange has withdrawn a verified minute: what is loaded would not take its place. Raises
    ExchangeError, LakeError, WarehouseError.
    """
    window = period.window
    cut_short = not period.is_off_grid and window.end_ms - window.start_ms < period.interval.ms
    if period.exchange_candle is None or cut_short:
        return None
    lasting = minutes.read_verified_times(window)
    rest, archived = minutes.read_rest_rows(window), minutes.read_archive_rows(window)
    versions = (
        (Source.REST, _add_quiet_minutes(rest, archived)),
        (Source.REST, rest),
        (Source.ARCHIVE, archived),
    )
    for origin, rows in versions:
        if not rows or not lasting <= {int(row[0]) for row in rows}:
            continue
        if matches_exchange_candle(yardstick, validate_rows(rows, window).candles, period):
            return MatchingVersion(period, rows, origin)
    return None


def _add_quiet_minutes(rows: Sequence[KlineRow], archived: Sequence[KlineRow]) -> list[KlineRow]:
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
    minutes: ExchangeMinutes, yardstick: CandleComparer, one: DifferingPeriod
) -> ExchangeConflict:
    """Return what is to be recorded of a period that no version of its minutes gives.

    Raises ExchangeError, where REST's minutes are not to be had.
    """
    period = one.period
    kind = ConflictKind.OFF_GRID if period.is_off_grid else ConflictKind.CONTRADICTION
    candles = validate_rows(minutes.read_rest_rows(period.window), period.window).candles
    rest = compare_with_exchange_candle(yardstick, candles, period)
    evidence = [_describe_sides(each, "our minutes give") for each in one.differences[:_MAX_NAMED]]
    evidence += [_describe_sides(each, "REST's minutes give") for each in rest[:_MAX_NAMED]]
    text = "; ".join(dict.fromkeys(evidence))
    return ExchangeConflict(yardstick.symbol, period.interval, period.open_time, kind, text)


def _find_lost_hours(
    platform: PipelineContext, symbol: str, closed: Window
) -> list[ExchangePeriod]:
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
        if item.source is Source.VERIFIED and find_object_body(platform, item) is None
    ]
    hours = [span.widen_to(HOUR_MS) for span in lost]
    return [
        ExchangePeriod(Interval.H1, Window(theirs.open_time, theirs.open_time + HOUR_MS), theirs)
        for span in merge_windows(hours)
        for theirs in candles_from_table(
            platform.exchange.rest.fetch_candle_table(symbol, Interval.H1, span)
        )
        if theirs.open_time % HOUR_MS == 0
    ]


def _load_versions(
    platform: PipelineContext, symbol: str, matches: Sequence[MatchingVersion]
) -> None:
    """Put the minutes into the lake, a run of hours of a day as one object, and load them."""
    fetched_at = now_ms()
    pulls: defaultdict[date, list[FetchedKlines]] = defaultdict(list)
    spans = merge_windows(match.period.window for match in matches)
    rows = sorted((row for match in matches for row in match.rows), key=lambda row: int(row[0]))
    for span in spans:
        own = [row for row in rows if int(row[0]) in span]
        for day, part in groupby(own, key=lambda row: day_of(int(row[0]))):
            pulls[day].append(
                FetchedKlines(Source.VERIFIED, RawKlines.from_rows(list(part)), fetched_at)
            )
    stored = [
        store_fetched_day(platform.raw_lake, symbol, day, FetchedDay(own))
        for day, own in pulls.items()
    ]
    record_stored_days(platform, symbol, stored)
    bodies = dict(body for day in stored for body in day.bodies)
    load_klines(platform, symbol, Window.of_days(min(pulls), max(pulls)), bodies)


def _describe_changes(
    platform: PipelineContext, yardstick: CandleComparer, match: MatchingVersion
) -> str:
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
            f"{format_utc(at)} {name}: {old[at]['source']} {format_candle_value(old[at][name])}, "
            f"{origin} {format_candle_value(value)}"
            for name, value in vars(new[at]).items()
            if not yardstick.is_equal(old[at][name], value)
        ]
    more = f" and {len(named) - _MAX_NAMED} more" if len(named) > _MAX_NAMED else ""
    shown = "; ".join(named[:_MAX_NAMED])
    return f"{origin} gives the exchange's own hour; {shown}{more}"


def _describe_sides(one: Difference, ours: str) -> str:
    return f"{one.column}: {ours} {format_candle_value(one.ours)}, the exchange's own is {format_candle_value(one.theirs)}"
