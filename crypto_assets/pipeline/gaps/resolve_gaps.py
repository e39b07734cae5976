"""Records missing minutes in the gap ledger, fetches them from REST, and classifies the rest.

`SymbolPipeline.resolve_gaps` combines these steps: only a pipeline loads what they fetch.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from crypto_assets.errors import NotListed
from crypto_assets.market.candle_validation import validate_rows
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    cover_windows,
    day_of,
    floor_ms,
    format_utc,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.refused_minutes import find_refused_rows
from crypto_assets.pipeline.stages.store_raw import StoredDay, store_window
from crypto_assets.pipeline.stages.symbol_status import is_listed, refresh_status, require_delisted
from crypto_assets.warehouse import Gap, GapClass, QuarantineRecord, Warehouse
from crypto_assets.warehouse.klines.nonexistent_minutes import NOT_IN_EXCHANGE_HOUR

# A candle may reach REST late: a gap that ended this recently stays open.
_FRESH_MS = 10 * MINUTE_MS
_FIRST_RETRY_MS = 15 * MINUTE_MS
_LAST_RETRY_MS = 24 * HOUR_MS
# An archive file that has not appeared so long after its day is late.
_ARCHIVE_DUE_MS = 8 * HOUR_MS
# How much of a long gap one attempt fetches. The next retry continues.
_MAX_FETCH_MS = 7 * DAY_MS


def record_gaps(
    context: PipelineContext, symbol: str, window: Window, closed_before_ms: int
) -> None:
    """Compare the stored minutes of a window with the gap ledger, and update the ledger.

    A hole that touches a gap beyond the window's edge becomes one gap with it, across midnight too.
    If a gap loses its part inside the window, the part outside stays one gap.
    """
    closed = window & Window(0, floor_ms(closed_before_ms, MINUTE_MS))
    if closed:
        extended = _extend_to_neighbors(context.warehouse, symbol, closed)
        context.warehouse.gap_ledger.refresh_gaps(symbol, extended)


def list_unexplained_gaps(
    warehouse: Warehouse, symbol: str, window: Window, *, include_refused: bool = False
) -> list[Gap]:
    """The gaps of a window whose reason is not known; with `include_refused`, refused ones too."""
    return [
        gap
        for gap in warehouse.gap_ledger.list_gaps(symbol, window)
        if not gap.gap_class.is_explained or (include_refused and gap.gap_class is GapClass.REFUSED)
    ]


def list_unexplained_days(warehouse: Warehouse, symbol: str, window: Window) -> list[date]:
    """The UTC days of a window in which minutes are missing and the reason is not known."""
    gaps = list_unexplained_gaps(warehouse, symbol, window)
    return [day for gap in gaps for day in (gap.window & window).iter_days()]


def fetch_missing(
    context: PipelineContext, symbol: str, missing: Window, closed_before_ms: int
) -> list[StoredDay]:
    """Store in the lake what REST has of a missing window, at most seven days of it.

    If the first seven days are empty, continues from the first candle in the window. REST has
    nothing of a symbol that the exchange no longer lists. Raises ExchangeError, LakeError.
    """
    if not is_listed(context, symbol):
        return []
    first_part = missing & Window(missing.start_ms, missing.start_ms + _MAX_FETCH_MS)
    try:
        stored = store_window(context, symbol, first_part, closed_before_ms)
    except NotListed as error:
        require_delisted(context, symbol, error)
        return []
    if stored or first_part == missing:
        return stored
    first = _fetch_first_open_time(context, symbol, missing)
    if first is None:
        return []
    rest = missing & Window(first, first + _MAX_FETCH_MS)
    return store_window(context, symbol, rest, closed_before_ms)


def postpone_retry(warehouse: Warehouse, gap: Gap, now_ms: int) -> None:
    """Count an attempt to resolve a gap, and schedule the next.

    The delay doubles with each attempt, from 15 minutes up to a day.
    """
    delay = min(_LAST_RETRY_MS, _FIRST_RETRY_MS * 2**gap.attempts)
    warehouse.gap_ledger.record_retry(gap.symbol, gap.start, now_ms + delay)


def classify_gaps(
    context: PipelineContext, symbol: str, window: Window, closed_before_ms: int
) -> None:
    """Record why REST has nothing of the unexplained gaps of a window: truth rule 7.

    Minutes before the symbol's first candle are not_listed. Minutes after the last candle of a
    symbol that no longer trades are delisted. Between the two they are an outage, or archive_late
    while the day's archive file is overdue. A minute of which only rows exist that cannot be true
    is refused and becomes a gap of its own. A fresh gap stays open, and so does one of which REST
    has candles: a retry fetches these. Raises ExchangeError, WarehouseError.
    """
    for gap in list_unexplained_gaps(context.warehouse, symbol, window):
        _classify_gap(context, gap, closed_before_ms)


def _extend_to_neighbors(warehouse: Warehouse, symbol: str, window: Window) -> Window:
    """Extend a window over the gaps that overlap or touch it."""
    with_edges = Window(window.start_ms - MINUTE_MS, window.end_ms + MINUTE_MS)
    gaps = warehouse.gap_ledger.list_gaps(symbol, with_edges)
    return cover_windows([window, *(gap.window for gap in gaps)])


@dataclass(frozen=True)
class _RestMinutes:
    """What REST returns of a gap.

    `first_candle` is the open time (epoch ms) of the first valid row, None without one. `refused`
    holds the reason why each row before it is invalid, by minute (epoch ms).
    """

    first_candle: int | None
    refused: Mapping[int, str]


def _classify_gap(context: PipelineContext, gap: Gap, closed_before_ms: int) -> None:
    """Classify a gap, in parts if some of its minutes are refused.

    The part from REST's first candle on stays unclassified: the next retry fetches it.
    """
    window = gap.window
    quarantined = find_refused_rows(context.warehouse, gap.symbol, window)
    rest = _fetch_rest_minutes(context, gap.symbol, window, quarantined.keys())
    refused = _find_refused_minutes(context, gap, rest, quarantined, closed_before_ms)
    if refused:
        context.warehouse.gap_ledger.split_off_refused(gap.symbol, gap.start, refused)
    for part in list_unexplained_gaps(context.warehouse, gap.symbol, window):
        if rest.first_candle is None or part.end < floor_ms(rest.first_candle, MINUTE_MS):
            _classify_part(context, part, closed_before_ms)


def _fetch_rest_minutes(
    context: PipelineContext, symbol: str, window: Window, quarantined: Collection[int]
) -> _RestMinutes:
    """Fetch REST's rows of a gap up to its first candle.

    A row of a quarantined minute is not a candle: a load has just refused it, for example because
    its hour was verified without it.
    """
    refused: dict[int, str] = {}
    if not is_listed(context, symbol):
        return _RestMinutes(None, refused)
    for page in context.exchange.rest.fetch_kline_pages(symbol, Interval.M1, window):
        validated = validate_rows(page, window)
        opens = validated.candles["open_time"].to_pylist()
        first = next((at for at in opens if floor_ms(at, MINUTE_MS) not in quarantined), None)
        for reject in validated.rejects:
            open_time = int(reject.row[0])
            if first is None or open_time < first:
                refused[floor_ms(open_time, MINUTE_MS)] = reject.reason
        if first is not None:
            return _RestMinutes(first, refused)
    return _RestMinutes(None, refused)


def _find_refused_minutes(
    context: PipelineContext,
    gap: Gap,
    rest: _RestMinutes,
    quarantined: Mapping[int, QuarantineRecord],
    closed_before_ms: int,
) -> dict[int, str]:
    """Why minutes of a gap are refused; without fresh ones and days whose archive is late."""
    reasons = {
        minute: _describe_quarantined(context, gap.symbol, row, closed_before_ms)
        for minute, row in quarantined.items()
    }
    at = format_utc(closed_before_ms)
    reasons |= {
        minute: f"REST returned an invalid row at {at}: {reason}"
        for minute, reason in rest.refused.items()
    }
    if not reasons:
        return {}
    late = _list_late_days(context, gap, closed_before_ms)
    return {
        minute: reason
        for minute, reason in reasons.items()
        if minute < closed_before_ms - _FRESH_MS
        and day_of(minute) not in late
        and (rest.first_candle is None or minute < rest.first_candle)
    }


def _describe_quarantined(
    context: PipelineContext, symbol: str, row: QuarantineRecord, closed_before_ms: int
) -> str:
    if row.reason == NOT_IN_EXCHANGE_HOUR:
        return row.reason
    request = _describe_request(context, symbol, closed_before_ms)
    return f"a fetched row is invalid ({row.reason}); {request}"


def _classify_part(context: PipelineContext, gap: Gap, closed_before_ms: int) -> None:
    request = _describe_request(context, gap.symbol, closed_before_ms)
    first = _find_first_candle(context, gap)
    if first is None or gap.end < first:
        listed = "no candle exists yet" if first is None else f"first candle {format_utc(first)}"
        _set_gap_class(context.warehouse, gap, GapClass.NOT_LISTED, f"{request}; {listed}")
    elif (
        _is_last_gap(context, gap)
        and (status := _fetch_status(context, gap)) is not SymbolStatus.TRADING
    ):
        evidence = f"{request}; its status is {status}"
        _set_gap_class(context.warehouse, gap, GapClass.DELISTED, evidence)
    else:
        _classify_between_candles(context, gap, request, closed_before_ms)


def _classify_between_candles(
    context: PipelineContext, gap: Gap, request: str, closed_before_ms: int
) -> None:
    """Classify a gap between candles: archive_late, an outage, or open while it is fresh."""
    late = _list_late_days(context, gap, closed_before_ms)
    if late:
        evidence = f"{request}; the archive of {late[0]} is late"
        _set_gap_class(context.warehouse, gap, GapClass.ARCHIVE_LATE, evidence)
    elif gap.end < closed_before_ms - _FRESH_MS:
        _, archived = _list_fetched_days(context.warehouse, gap)
        if archived.issuperset(gap.window.iter_days()):
            request += "; nor does the archive"
        _set_gap_class(context.warehouse, gap, GapClass.OUTAGE, request)


def _list_late_days(context: PipelineContext, gap: Gap, closed_before_ms: int) -> list[date]:
    """The days of a gap whose archive file is due and not stored, though other objects are.

    The file may have what is missing. Empty for a symbol that is no longer listed: the close_day
    job looks for its archive files.
    """
    if not is_listed(context, gap.symbol):
        return []
    fetched, archived = _list_fetched_days(context.warehouse, gap)
    due = closed_before_ms - _ARCHIVE_DUE_MS
    return [
        day
        for day in gap.window.iter_days()
        if day in fetched - archived and Window.of_day(day).end_ms < due
    ]


def _list_fetched_days(warehouse: Warehouse, gap: Gap) -> tuple[set[date], set[date]]:
    """The days of a gap that have an object in the manifest, and those that have an archive file.

    Looks at whole days: an object shows that its day was fetched even if it ends before the gap.
    """
    objects = warehouse.lake_objects.list_in_window(
        gap.symbol, ObjectKind.KLINES, gap.window.widen_to(DAY_MS)
    )
    return (
        {item.day for item in objects},
        {item.day for item in objects if item.source is Source.ARCHIVE},
    )


def _set_gap_class(warehouse: Warehouse, gap: Gap, gap_class: GapClass, evidence: str) -> None:
    warehouse.gap_ledger.classify_gap(gap.symbol, gap.start, gap_class, evidence)


def _find_first_candle(context: PipelineContext, gap: Gap) -> int | None:
    """Open time of the symbol's first candle: a stored one before the gap, or the exchange's."""
    earlier = context.warehouse.facts.read_candles(gap.symbol, Window(0, gap.start), limit=1)
    if earlier.num_rows:
        return int(earlier["open_time"][0].as_py())
    return _fetch_first_open_time(context, gap.symbol, Window(0, context.exchange_now()))


def _is_last_gap(context: PipelineContext, gap: Gap) -> bool:
    """Whether neither the warehouse nor the exchange has a candle after the gap."""
    newest = context.warehouse.watermarks.get_watermark(gap.symbol).last_open_time
    if newest is not None and newest > gap.end:
        return False
    after = Window(gap.end + 1, context.exchange_now())
    return _fetch_first_open_time(context, gap.symbol, after) is None


def _fetch_first_open_time(context: PipelineContext, symbol: str, window: Window) -> int | None:
    """Open time of the first candle that REST has in a window."""
    if not is_listed(context, symbol):
        return None
    page = next(context.exchange.rest.fetch_kline_pages(symbol, Interval.M1, window), None)
    return int(page[0][0]) if page else None


def _fetch_status(context: PipelineContext, gap: Gap) -> SymbolStatus:
    """Fetch and record the symbol's status; DELISTED needs no request."""
    if not is_listed(context, gap.symbol):
        return SymbolStatus.DELISTED
    return refresh_status(context, gap.symbol)


def _describe_request(context: PipelineContext, symbol: str, closed_before_ms: int) -> str:
    """The evidence that REST has nothing of a gap."""
    at = format_utc(closed_before_ms)
    if is_listed(context, symbol):
        return f"REST returned no candle of the gap at {at}"
    return f"the exchange did not list {symbol} at {at}"
