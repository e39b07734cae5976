"""The gap ledger: holes are found after each load, and explained once the exchange has answered."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from crypto_assets.errors import CryptoAssetsError, NotListed, TransientError
from crypto_assets.market.candle_validation import validate_rows
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    day_of,
    floor_ms,
    format_utc,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.refused_minutes import find_refused_rows
from crypto_assets.pipeline.stages.load_facts import load_klines
from crypto_assets.pipeline.stages.store_raw import StoredDay, record_stored_days, store_window
from crypto_assets.pipeline.stages.symbol_status import is_listed, refresh_status, require_delisted
from crypto_assets.warehouse import Gap, GapClass, QuarantineRecord
from crypto_assets.warehouse.klines.nonexistent_minutes import NOT_IN_EXCHANGE_HOUR

# A candle may reach REST late; a hole this fresh is asked for again before it is believed.
_FRESH_MS = 10 * MINUTE_MS
_FIRST_RETRY_MS = 15 * MINUTE_MS
_LAST_RETRY_MS = 24 * 60 * MINUTE_MS
# An archive that has not appeared so long after its day is late.
_ARCHIVE_DUE_MS = 8 * HOUR_MS
# How much of a long gap is fetched at once: the next retry goes on.
_REPAIR_STEP_MS = 7 * DAY_MS

# Days that came no further, and why.
FailureReasons = dict[date, CryptoAssetsError]


def record_gaps(
    platform: PipelineContext, symbol: str, window: Window, closed_before_ms: int
) -> None:
    """Bring the ledger of `window` up to date with the minutes that are held.

    A hole that touches a gap beyond the window's edge is one gap with it, over midnights too; and
    of a gap that lost its part on this side, the part beyond the edge stays one.
    """
    closed = window & Window(0, floor_ms(closed_before_ms, MINUTE_MS))
    if closed:
        platform.warehouse.gap_ledger.refresh_gaps(
            symbol, _extend_to_neighbors(platform, symbol, closed)
        )


def resolve_gaps(
    platform: PipelineContext,
    symbol: str,
    window: Window,
    closed_before_ms: int,
    *,
    refused_too: bool = False,
) -> FailureReasons:
    """Ask REST again for the unexplained gaps of a window: truth rule 7.

    What REST has after all is fetched and loaded. What it has nothing of was not listed before the
    first candle ever, is delisted after the last of a symbol that trades no more, and an outage
    between the two, unless the day's archive is late and may still have it. A minute of which
    there are only rows that cannot be true is refused, by itself; with `refused_too` those that
    are known are asked for again. What is fresh stays open and is retried. Answers the window's
    days in which nothing could be said of a gap, and why: such a gap stops no other, unless nobody
    would answer for those either.
    """
    reasons: FailureReasons = {}
    for gap in platform.warehouse.gap_ledger.list_gaps(symbol, window):
        if not _should_resolve(gap, refused_too=refused_too):
            continue
        span = Window(gap.start, gap.end + MINUTE_MS)
        try:
            repair_gap(platform, gap, closed_before_ms)
            for left in _list_unexplained_gaps(platform, symbol, span):
                _classify_gap(platform, left, closed_before_ms)
        except TransientError as error:
            after = Window(gap.start, window.end_ms)
            return (
                dict.fromkeys(_list_unexplained_days(platform, symbol, after & window), error)
                | reasons
            )
        except CryptoAssetsError as error:
            reasons |= dict.fromkeys((span & window).iter_days(), error)
    return reasons


def _list_unexplained_days(platform: PipelineContext, symbol: str, window: Window) -> list[date]:
    """The UTC days of a window in which a gap stands unexplained."""
    spans = [
        Window(gap.start, gap.end + MINUTE_MS)
        for gap in _list_unexplained_gaps(platform, symbol, window)
    ]
    return [day for span in spans for day in (span & window).iter_days()]


def record_delisting(
    platform: PipelineContext, symbol: str, window: Window, closed_before_ms: int, error: NotListed
) -> FailureReasons:
    """Record that a symbol's candles have ended before a window, as the exchange's list says.

    Raises the error where the list does have the symbol. Answers as `explain_holes`.
    """
    require_delisted(platform, symbol, error)
    record_gaps(platform, symbol, window, closed_before_ms)
    return resolve_gaps(platform, symbol, window, closed_before_ms)


def repair_gap(platform: PipelineContext, gap: Gap, closed_before_ms: int) -> int:
    """Fetch and load what REST has of a gap; answers how many minutes came.

    Of a long one a stretch, from its first candle on: what lies before it has none. REST has
    nothing of a symbol that it lists no longer.
    """
    if not is_listed(platform, gap.symbol):
        return 0
    try:
        stored = _fetch_gap(platform, gap, gap.start, closed_before_ms)
    except NotListed as error:
        require_delisted(platform, gap.symbol, error)
        return 0
    if not stored and gap.end >= gap.start + _REPAIR_STEP_MS:
        first = _fetch_first_open_time(platform, gap.symbol, Window(gap.start, gap.end + 1))
        stored = [] if first is None else _fetch_gap(platform, gap, first, closed_before_ms)
    if not stored:
        return 0
    record_stored_days(platform, gap.symbol, stored)
    days = Window.of_days(stored[0].day, stored[-1].day)
    bodies = dict(body for day in stored for body in day.bodies)
    loaded = load_klines(platform, gap.symbol, days, bodies)
    platform.warehouse.aggregates.recompute_hours(gap.symbol, days, closed_before_ms)
    platform.warehouse.aggregates.recompute_days(gap.symbol, days, closed_before_ms)
    record_gaps(platform, gap.symbol, days, closed_before_ms)
    return loaded.new


def _fetch_gap(
    platform: PipelineContext, gap: Gap, start_ms: int, closed_before_ms: int
) -> list[StoredDay]:
    span = Window(start_ms, min(gap.end + MINUTE_MS, start_ms + _REPAIR_STEP_MS))
    return store_window(platform, gap.symbol, span, closed_before_ms)


def postpone_retry(platform: PipelineContext, gap: Gap, now_ms: int) -> None:
    """Count a retry of an open gap; the next one is due after twice the distance, a day at most."""
    distance = min(_LAST_RETRY_MS, _FIRST_RETRY_MS * 2**gap.attempts)
    platform.warehouse.gap_ledger.record_retry(gap.symbol, gap.start, now_ms + distance)


def _should_resolve(gap: Gap, *, refused_too: bool) -> bool:
    return not gap.gap_class.is_explained or (refused_too and gap.gap_class is GapClass.REFUSED)


def _list_unexplained_gaps(platform: PipelineContext, symbol: str, window: Window) -> list[Gap]:
    gaps = platform.warehouse.gap_ledger.list_gaps(symbol, window)
    return [gap for gap in gaps if not gap.gap_class.is_explained]


def _extend_to_neighbors(platform: PipelineContext, symbol: str, window: Window) -> Window:
    reach = Window(window.start_ms - MINUTE_MS, window.end_ms + MINUTE_MS)
    gaps = platform.warehouse.gap_ledger.list_gaps(symbol, reach)
    return Window(
        min([window.start_ms, *(gap.start for gap in gaps)]),
        max([window.end_ms, *(gap.end + MINUTE_MS for gap in gaps)]),
    )


@dataclass(frozen=True)
class _RestAnswer:
    """What REST says of a gap: the open time of its first candle that can be true (epoch ms, None
    without one), and why the rows before it cannot be, by minute."""

    first_candle: int | None
    refused: Mapping[int, str]


def _classify_gap(platform: PipelineContext, gap: Gap, closed_before_ms: int) -> None:
    """Classify an open gap, in parts where some of its minutes are refused.

    From the first candle on that REST does have, it stays as it is: the next retry brings that.
    """
    span = Window(gap.start, gap.end + MINUTE_MS)
    rows = find_refused_rows(platform, gap.symbol, span)
    said = _ask_rest(platform, gap.symbol, span, rows.keys())
    refused = _find_refused_minutes(platform, gap, said, rows, closed_before_ms)
    if refused:
        platform.warehouse.gap_ledger.split_off_refused(gap.symbol, gap.start, refused)
    for part in _list_unexplained_gaps(platform, gap.symbol, span):
        if said.first_candle is None or part.end < floor_ms(said.first_candle, MINUTE_MS):
            _classify_part(platform, part, closed_before_ms)


def _ask_rest(
    platform: PipelineContext, symbol: str, span: Window, quarantined: Collection[int]
) -> _RestAnswer:
    """Ask REST for the rows of a gap; a row of a minute that is quarantined is no candle.

    It was loaded a moment ago and not taken, as where an hour was verified without it.
    """
    refused: dict[int, str] = {}
    if not is_listed(platform, symbol):
        return _RestAnswer(None, refused)
    for page in platform.exchange.rest.fetch_kline_pages(symbol, Interval.M1, span):
        sifted = validate_rows(page, span)
        opens = sifted.candles["open_time"].to_pylist()
        first = next((at for at in opens if floor_ms(at, MINUTE_MS) not in quarantined), None)
        for reject in sifted.rejects:
            opened = int(reject.row[0])
            if first is None or opened < first:
                refused[floor_ms(opened, MINUTE_MS)] = reject.reason
        if first is not None:
            return _RestAnswer(first, refused)
    return _RestAnswer(None, refused)


def _find_refused_minutes(
    platform: PipelineContext,
    gap: Gap,
    said: _RestAnswer,
    rows: Mapping[int, QuarantineRecord],
    closed_before_ms: int,
) -> dict[int, str]:
    """Why minutes of a gap are refused; one that is fresh, or may be in a late archive, is not."""
    at = format_utc(closed_before_ms)
    found = {
        minute: row.reason
        if row.reason == NOT_IN_EXCHANGE_HOUR
        else f"a row of it cannot be true ({row.reason}); {_describe_request(platform, gap.symbol, at)}"
        for minute, row in rows.items()
    }
    found |= {
        minute: f"REST's row of it cannot be true at {at}: {reason}"
        for minute, reason in said.refused.items()
    }
    if not found:
        return {}
    late = _list_late_days(platform, gap, closed_before_ms)
    return {
        minute: reason
        for minute, reason in found.items()
        if minute < closed_before_ms - _FRESH_MS
        and day_of(minute) not in late
        and (said.first_candle is None or minute < said.first_candle)
    }


def _classify_part(platform: PipelineContext, gap: Gap, closed_before_ms: int) -> None:
    asked = _describe_request(platform, gap.symbol, format_utc(closed_before_ms))
    first = _find_first_candle(platform, gap)
    if first is None or gap.end < first:
        listed = "there is no candle yet" if first is None else f"first candle {format_utc(first)}"
        _set_gap_class(platform, gap, GapClass.NOT_LISTED, f"{asked}; {listed}")
    elif (
        _is_last_gap(platform, gap)
        and (status := _get_status(platform, gap)) is not SymbolStatus.TRADING
    ):
        _set_gap_class(platform, gap, GapClass.DELISTED, f"{asked}; its status is {status}")
    else:
        _classify_inner_part(platform, gap, asked, closed_before_ms)


def _classify_inner_part(
    platform: PipelineContext, gap: Gap, asked: str, closed_before_ms: int
) -> None:
    """A gap between candles: an outage, unless it is fresh or an archive may yet have it."""
    late = _list_late_days(platform, gap, closed_before_ms)
    if late:
        evidence = f"{asked}; the archive of {late[0]} is late"
        _set_gap_class(platform, gap, GapClass.ARCHIVE_LATE, evidence)
    elif gap.end < closed_before_ms - _FRESH_MS:
        days = list(Window(gap.start, gap.end + MINUTE_MS).iter_days())
        nor = (
            ", nor had the archive" if _find_fetched_days(platform, gap)[1].issuperset(days) else ""
        )
        _set_gap_class(platform, gap, GapClass.OUTAGE, asked + nor)


def _list_late_days(platform: PipelineContext, gap: Gap, closed_before_ms: int) -> list[date]:
    """Days of a gap whose archive is due, was not read, and may have what is missing.

    Those of a symbol that is listed no longer are looked for as long as its days are closed.
    """
    if not is_listed(platform, gap.symbol):
        return []
    fetched, read = _find_fetched_days(platform, gap)
    due = closed_before_ms - _ARCHIVE_DUE_MS
    days = Window(gap.start, gap.end + MINUTE_MS).iter_days()
    return [day for day in days if day in fetched - read and Window.of_day(day).end_ms < due]


def _find_fetched_days(platform: PipelineContext, gap: Gap) -> tuple[set[date], set[date]]:
    """The days of a gap of which anything was fetched, and those whose archive was read."""
    days = list(Window(gap.start, gap.end + MINUTE_MS).iter_days())
    # Of whole days: an object need not reach into the gap to say that its day was fetched.
    objects = platform.warehouse.lake_objects.list_in_window(
        gap.symbol, ObjectKind.KLINES, Window.of_days(days[0], days[-1])
    )
    return (
        {day_of(item.first_time) for item in objects},
        {day_of(item.first_time) for item in objects if item.source is Source.ARCHIVE},
    )


def _set_gap_class(platform: PipelineContext, gap: Gap, gap_class: GapClass, evidence: str) -> None:
    platform.warehouse.gap_ledger.classify_gap(gap.symbol, gap.start, gap_class, evidence)


def _find_first_candle(platform: PipelineContext, gap: Gap) -> int | None:
    """The symbol's first open time, by what we hold, else by the exchange."""
    earlier = platform.warehouse.facts.read_candles(gap.symbol, Window(0, gap.start), limit=1)
    if earlier.num_rows:
        return int(earlier["open_time"][0].as_py())
    return _fetch_first_open_time(platform, gap.symbol, Window(0, platform.exchange_now()))


def _is_last_gap(platform: PipelineContext, gap: Gap) -> bool:
    """Whether there is no candle after the gap, here or at the exchange."""
    newest = platform.warehouse.watermarks.get_watermark(gap.symbol).last_open_time
    if newest is not None and newest > gap.end:
        return False
    return not _has_candles(platform, gap.symbol, Window(gap.end + 1, platform.exchange_now()))


def _has_candles(platform: PipelineContext, symbol: str, window: Window) -> bool:
    return _fetch_first_open_time(platform, symbol, window) is not None


def _fetch_first_open_time(platform: PipelineContext, symbol: str, window: Window) -> int | None:
    """Open time of the first candle that REST has in a window."""
    if not is_listed(platform, symbol):
        return None
    page = next(platform.exchange.rest.fetch_kline_pages(symbol, Interval.M1, window), None)
    return int(page[0][0]) if page else None


def _get_status(platform: PipelineContext, gap: Gap) -> SymbolStatus:
    """As the exchange says, and noted: of one that trades no more nothing is expected."""
    if not is_listed(platform, gap.symbol):
        return SymbolStatus.DELISTED
    return refresh_status(platform, gap.symbol)


def _describe_request(platform: PipelineContext, symbol: str, at: str) -> str:
    """What REST has said of a gap, for its evidence."""
    if is_listed(platform, symbol):
        return f"REST had none of it at {at}"
    return f"the exchange's list did not have {symbol} at {at}"
