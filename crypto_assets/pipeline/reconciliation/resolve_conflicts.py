"""Resolves conflicts of the exchange with itself: the minutes that give its own hour win.

The daily archive and REST may disagree on a minute, and either may differ from what the exchange
built its own hour from (truth rule 6). Where a stored hour differs from the exchange's own, REST's
minutes of the hour are fetched. If they give the hour, or else the archive's do, they are stored in
the lake under the source `verified`, which takes precedence over every other fetch, earlier or
later. If neither does, the exchange contradicts itself. `verify` records and lists that, and does
not count it as a difference.
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
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    day_of,
    floor_ms,
    format_utc,
    merge_windows,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.reconciliation.candle_comparer import (
    CandleComparer,
    Difference,
    format_candle_value,
)
from crypto_assets.pipeline.reconciliation.compare_with_exchange import (
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
    """The exchange's minutes of some periods of a symbol, fetched on first use.

    Adjacent periods of a day share a request.
    """

    def __init__(
        self, context: PipelineContext, symbol: str, periods: Iterable[ExchangePeriod]
    ) -> None:
        self.symbol = symbol
        self.context = context
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
        """Return the rows of a window that the lake's archive files contain. Raises LakeError."""
        rows: list[KlineRow] = []
        objects = self.context.warehouse.lake_objects.list_in_window(
            self.symbol, ObjectKind.KLINES, window.widen_to(DAY_MS)
        )
        for item in objects:
            if item.source is Source.ARCHIVE:
                # `verify` lists the objects that the lake has lost.
                body = find_object_body(self.context, item)
                rows += [row for row in decode_klines(body or b"[]") if int(row[0]) in window]
        return sorted(rows, key=lambda row: int(row[0]))

    def read_verified_times(self, window: Window) -> set[int]:
        """Return the open times of a window's stored minutes whose source is `verified`."""
        stored = self.context.warehouse.facts.read_fetched_candles(self.symbol, window)
        verified = pc.equal(stored["source"], Source.VERIFIED.value)
        return set(stored["open_time"].filter(verified).to_pylist())

    def _fetch_span(self, span: Window) -> list[KlineRow]:
        if span not in self._from_rest:
            pages = self.context.exchange.rest.fetch_kline_pages(self.symbol, Interval.M1, span)
            self._from_rest[span] = [row for page in pages for row in page]
        return self._from_rest[span]


def resolve_conflicts(
    context: PipelineContext, symbol: str, window: Window, closed_before_ms: int
) -> list[ExchangeConflict]:
    """Load, for each stored hour that differs from the exchange's own, the minutes that give it.

    Compares the closed hours that open in `window`: one request for each 1,000 of them, and at
    most two for each day in which one differs. Also loads the verified minutes that the lake has
    lost, which a rebuild needs, and drops imported minutes of hours that the exchange does not
    have. The caller must recompute hours and days if conflicts are returned; they are recorded
    already. Raises ExchangeError, LakeError, WarehouseError.
    """
    closed = window & Window(window.start_ms, floor_ms(closed_before_ms, HOUR_MS))
    closed = exclude_purged(context, symbol, closed)  # expired minutes are not loaded again
    if not closed:
        return []
    comparer = CandleComparer(symbol, context.warehouse.has_exact_decimals)
    expected = ExpectedPeriods(context, symbol)
    compared = compare_periods(context, comparer, Interval.H1, closed, expected)
    differing = [entry.period for entry in compared.differing]
    if imported := list_imported_hours(context, symbol, differing):
        drop_imported_hours(context, symbol, imported, closed_before_ms)
    lost = _find_lost_hours(context, symbol, closed)
    minutes = ExchangeMinutes(context, symbol, [*differing, *lost])
    new = [period for period in differing if period not in lost]  # the lost ones are on record
    resolved = _find_matching_versions(minutes, comparer, new)
    restored = _find_matching_versions(minutes, comparer, lost)
    conflicts = [_build_resolved_conflict(context, comparer, match) for match in resolved]
    # Recorded before the load: after a kill in between, the next run finds the same conflicts.
    # After a kill behind the load the hours are equal, and no run would find them again.
    context.warehouse.exchange_conflicts.record_conflicts(symbol, conflicts)
    if resolved or restored:
        _load_versions(context, symbol, [*resolved, *restored])
    return conflicts


def _find_matching_versions(
    minutes: ExchangeMinutes, comparer: CandleComparer, periods: Iterable[ExchangePeriod]
) -> list[MatchingVersion]:
    versions = (find_matching_version(minutes, comparer, period) for period in periods)
    return [version for version in versions if version]


def _build_resolved_conflict(
    context: PipelineContext, comparer: CandleComparer, match: MatchingVersion
) -> ExchangeConflict:
    return ExchangeConflict(
        comparer.symbol,
        match.period.interval,
        match.period.open_time,
        ConflictKind.RESOLVED,
        _describe_changes(context, comparer, match),
    )


def find_matching_version(
    minutes: ExchangeMinutes, comparer: CandleComparer, period: ExchangePeriod
) -> MatchingVersion | None:
    """Return the version of a period's minutes that gives the exchange's candle, None without one.

    Tries REST's minutes together with the archive's minutes without trades that REST lacks, then
    REST's alone, then those of the lake's archive files. Returns None for a period that the
    exchange does not have or that one off the grid cuts short. A version that lacks a minute
    verified earlier is passed over: loading it would not replace that minute. Raises
    ExchangeError, LakeError, WarehouseError.
    """
    window = period.window
    cut_short = not period.is_off_grid and window.duration_ms < period.interval.ms
    if period.exchange_candle is None or cut_short:
        return None
    verified = minutes.read_verified_times(window)
    rest, archived = minutes.read_rest_rows(window), minutes.read_archive_rows(window)
    versions = (
        (Source.REST, _add_quiet_minutes(rest, archived)),
        (Source.REST, rest),
        (Source.ARCHIVE, archived),
    )
    for origin, rows in versions:
        if not rows or not verified <= {int(row[0]) for row in rows}:
            continue
        if matches_exchange_candle(comparer, validate_rows(rows, window).candles, period):
            return MatchingVersion(period, rows, origin)
    return None


def _add_quiet_minutes(rows: Sequence[KlineRow], archived: Sequence[KlineRow]) -> list[KlineRow]:
    """Add the archive's minutes without trades that REST lacks; they may leave an hour equal.

    A verified version defines the whole hour: minutes that it lacks would be refused.
    """
    minutes = {floor_ms(int(row[0]), MINUTE_MS) for row in rows}
    quiet = [
        row
        for row in archived
        if floor_ms(int(row[0]), MINUTE_MS) not in minutes and not Decimal(str(row[5]))
    ]
    return sorted([*rows, *quiet], key=lambda row: int(row[0])) if rows else []


def describe_contradiction(
    minutes: ExchangeMinutes, comparer: CandleComparer, differing: DifferingPeriod
) -> ExchangeConflict:
    """Describe a period that no version of its minutes gives. Raises ExchangeError."""
    period = differing.period
    kind = ConflictKind.OFF_GRID if period.is_off_grid else ConflictKind.CONTRADICTION
    candles = validate_rows(minutes.read_rest_rows(period.window), period.window).candles
    rest = compare_with_exchange_candle(comparer, candles, period)
    differences = differing.differences[:_MAX_NAMED]
    evidence = [
        _describe_sides(difference, "the stored minutes give") for difference in differences
    ]
    evidence += [
        _describe_sides(difference, "REST's minutes give") for difference in rest[:_MAX_NAMED]
    ]
    text = "; ".join(dict.fromkeys(evidence))
    return ExchangeConflict(comparer.symbol, period.interval, period.open_time, kind, text)


def _find_lost_hours(context: PipelineContext, symbol: str, closed: Window) -> list[ExchangePeriod]:
    """Return the hours whose verified objects are in the manifest and in no lake.

    The stored minutes still give these hours; a rebuild from the lake alone would not.
    """
    objects = context.warehouse.lake_objects.list_in_window(
        symbol, ObjectKind.KLINES, closed.widen_to(DAY_MS)
    )
    lost = [
        item.window
        for item in objects
        if item.source is Source.VERIFIED and find_object_body(context, item) is None
    ]
    hours = [span.widen_to(HOUR_MS) for span in lost]
    return [
        ExchangePeriod(Interval.H1, Window(theirs.open_time, theirs.open_time + HOUR_MS), theirs)
        for span in merge_windows(hours)
        for theirs in candles_from_table(
            context.exchange.rest.fetch_candle_table(symbol, Interval.H1, span)
        )
        if theirs.open_time % HOUR_MS == 0
    ]


def _load_versions(
    context: PipelineContext, symbol: str, matches: Sequence[MatchingVersion]
) -> None:
    """Store the minutes in the lake, adjacent hours of a day as one object, and load them."""
    fetched_at = context.exchange.rest.compute_fetch_time()
    fetched: defaultdict[date, list[FetchedKlines]] = defaultdict(list)
    spans = merge_windows(match.period.window for match in matches)
    rows = sorted((row for match in matches for row in match.rows), key=lambda row: int(row[0]))
    for span in spans:
        in_span = [row for row in rows if int(row[0]) in span]
        for day, part in groupby(in_span, key=lambda row: day_of(int(row[0]))):
            fetched[day].append(
                FetchedKlines(Source.VERIFIED, RawKlines.from_rows(list(part)), fetched_at)
            )
    stored = [
        store_fetched_day(context.raw_lake, symbol, day, FetchedDay(parts))
        for day, parts in fetched.items()
    ]
    record_stored_days(context, symbol, stored)
    bodies = dict(body for day in stored for body in day.bodies)
    load_klines(context, symbol, Window.of_days(min(fetched), max(fetched)), bodies)


def _describe_changes(
    context: PipelineContext, comparer: CandleComparer, match: MatchingVersion
) -> str:
    """Describe what a version changes in the stored minutes, with both values and sources."""
    window, origin = match.period.window, match.origin
    stored = context.warehouse.facts.read_fetched_candles(comparer.symbol, window).to_pylist()
    old = {row["open_time"]: row for row in stored}
    new = {
        candle.open_time: candle
        for candle in candles_from_table(validate_rows(match.rows, window).candles)
    }
    changes = []
    for at in sorted({*old, *new}):
        if at not in old or at not in new:
            source = old[at]["source"] if at in old else origin
            changes.append(f"{format_utc(at)}: only {source} has this minute")
            continue
        changes += [
            f"{format_utc(at)} {name}: {old[at]['source']} {format_candle_value(old[at][name])}, "
            f"{origin} {format_candle_value(value)}"
            for name, value in vars(new[at]).items()
            if not comparer.is_equal(old[at][name], value)
        ]
    more = f" and {len(changes) - _MAX_NAMED} more" if len(changes) > _MAX_NAMED else ""
    shown = "; ".join(changes[:_MAX_NAMED])
    return f"the minutes of {origin} give the exchange's own hour; {shown}{more}"


def _describe_sides(difference: Difference, subject: str) -> str:
    ours, theirs = format_candle_value(difference.ours), format_candle_value(difference.theirs)
    return f"{difference.column}: {subject} {ours}, the exchange has {theirs}"
