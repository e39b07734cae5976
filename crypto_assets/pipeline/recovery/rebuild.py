"""Rebuilds manifest, minutes, hours, days and order books from the lake alone."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from typing import Self

from crypto_assets.errors import CryptoAssetsError, ExchangeError, ObjectMissing
from crypto_assets.exchange.server_clock import DATE_INACCURACY_MS
from crypto_assets.lake import describe_object
from crypto_assets.market.candle_validation import ValidatedRows
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.symbols import parse_symbol
from crypto_assets.market.utc_time import (
    MINUTE_MS,
    Window,
    group_consecutive_days,
    merge_windows,
    now_ms,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import record_gaps
from crypto_assets.pipeline.recovery.expired_days import lift_expiry
from crypto_assets.pipeline.recovery.lake_listing import ListedObject, list_lake_objects
from crypto_assets.pipeline.stages.lake_reader import list_known_spans, validate_objects
from crypto_assets.pipeline.stages.load_facts import quarantine_rejects
from crypto_assets.pipeline.stages.order_books import load_order_books
from crypto_assets.warehouse.klines.restore import CompleteWindows, RestoreResult

_READERS = 16
# One step is loaded while the next one is read.
_STEP_OBJECTS = 4_000
_STEP_BYTES = 32_000_000
_EVER = Window(0, 2**53)

ObjectBody = tuple[LakeObject, bytes]


@dataclass(frozen=True)
class RebuildResult:
    """The result of rebuilding one symbol.

    `forgotten` objects were in the manifest and in no lake. `untracked` marks a symbol that no tick
    ingests. The minutes of `reloaded` had expired.
    """

    symbol: str
    objects: int = 0
    days: int = 0
    minutes: RestoreResult = field(default_factory=RestoreResult)
    rejected: int = 0
    books: int = 0
    forgotten: int = 0
    untracked: bool = False
    reloaded: Window | None = None
    error: CryptoAssetsError | None = None

    def __add__(self, other: Self) -> Self:
        return replace(
            self,
            objects=self.objects + other.objects,
            days=self.days + other.days,
            minutes=self.minutes + other.minutes,
            rejected=self.rejected + other.rejected,
            books=self.books + other.books,
            forgotten=self.forgotten + other.forgotten,
        )


def rebuild_from_lake(
    context: PipelineContext,
    symbols: Sequence[str] | None = None,
    window: Window | None = None,
    *,
    exact: bool = False,
    reload_expired: bool = False,
) -> Iterator[RebuildResult]:
    """Rebuild every day of `window` (whole UTC days, None for all) that a lake contains.

    The lake's minutes replace the stored ones; minutes, hours and days that only the warehouse has
    stay. With `exact`, minutes that the lake rules out are deleted: within the span of its objects,
    on days whose archive file it has, and in the ledger's gaps. With `reload_expired`, minutes from
    the lake's first day in `window` on are no longer expired. Without `symbols`, rebuilds those of
    warehouse and lake. The result of a symbol that fails has its error. Safe to repeat, and beside
    running ticks. Raises LakeError where a lake cannot be listed.
    """
    options = _RebuildOptions(_find_exact_limit(context) if exact else None, reload_expired)
    registered = [symbol.name for symbol in context.warehouse.symbols.list_all()]
    if symbols is not None:
        symbols = [parse_symbol(text, registered) for text in symbols]
    chosen = [name for name in registered if symbols is None or name in symbols]
    known = _list_known_objects(context, chosen, window)
    listed = list_lake_objects(context, window, symbols)
    names = list(dict.fromkeys([*(symbols or ()), *known, *sorted(listed)]))
    for name in names:
        try:
            yield _rebuild_symbol(context, name, listed.get(name, []), known.get(name, []), options)
        except CryptoAssetsError as error:
            yield RebuildResult(name, error=error)


@dataclass(frozen=True)
class _RebuildOptions:
    """What a rebuild does beside restoring minutes.

    It is exact for minutes that were fetched before `exact_before` (epoch ms), None for none.
    """

    exact_before: int | None
    reload_expired: bool


def _list_known_objects(
    context: PipelineContext, names: Sequence[str], window: Window | None
) -> dict[str, list[LakeObject]]:
    """Read the manifest, before the lakes are listed: objects put meanwhile are not forgotten."""
    return {
        name: [
            item
            for kind in ObjectKind
            for item in context.warehouse.lake_objects.list_in_window(name, kind, window or _EVER)
        ]
        for name in names
    }


def _rebuild_symbol(
    context: PipelineContext,
    symbol: str,
    listed: Sequence[ListedObject],
    known: Sequence[LakeObject],
    options: _RebuildOptions,
) -> RebuildResult:
    untracked = _register_untracked(context, symbol) if listed else False
    closed_before = _closed_before(context, listed)
    reloaded = None
    days = [entry.parts.day for entry in listed if entry.parts.kind is ObjectKind.KLINES]
    if days and options.reload_expired:
        reloaded = lift_expiry(context, symbol, min(days), closed_before)
    result = RebuildResult(
        symbol,
        untracked=untracked,
        forgotten=_forget_missing_objects(context, listed, known),
        reloaded=reloaded,
    )
    steps = list(_split_into_steps(listed))
    read = partial(_read_listed_object, context)
    with ThreadPoolExecutor(_READERS, "rebuild") as pool, context.waiter.cancel_on_error():
        reading = pool.map(read, steps[0]) if steps else None
        for number, step in enumerate(steps, start=1):
            bodies = [body for body in reading or () if body]
            # The next step is read while this one is loaded.
            reading = pool.map(read, steps[number]) if number < len(steps) else None
            window = Window.of_days(step[0].parts.day, step[-1].parts.day)
            result += _rebuild_step(
                context, symbol, window, bodies, closed_before, options.exact_before
            )
    return result


def _split_into_steps(listed: Sequence[ListedObject]) -> Iterator[list[ListedObject]]:
    """Split the objects into whole days of one month, as many as the memory may hold at once."""
    step: list[ListedObject] = []
    size = 0
    for day, group in groupby(listed, key=lambda entry: entry.parts.day):
        objects = list(group)
        added = sum(entry.size_bytes for entry in objects)
        is_full = len(step) + len(objects) > _STEP_OBJECTS or size + added > _STEP_BYTES
        if step and (is_full or step[-1].parts.day.replace(day=1) != day.replace(day=1)):
            yield step
            step, size = [], 0
        step, size = step + objects, size + added
    if step:
        yield step


def _rebuild_step(
    context: PipelineContext,
    symbol: str,
    window: Window,
    bodies: Sequence[ObjectBody],
    closed_before_ms: int,
    exact_before: int | None,
) -> RebuildResult:
    context.warehouse.lake_objects.record_objects([item for item, _ in bodies])
    objects = [(item, body) for item, body in bodies if item.kind is ObjectKind.KLINES]
    validated = validate_objects(objects) if objects else []
    klines = [(item, rows) for (item, _), rows in zip(objects, validated, strict=True)]
    for item, rows in klines:
        if rows.rejects:
            quarantine_rejects(context.warehouse, item, rows.rejects)
    candle_days = list(group_consecutive_days(sorted({item.day for item, _ in klines})))
    complete = _list_complete_windows(context, symbol, klines, candle_days, exact_before)
    restored = context.warehouse.facts.restore_objects(
        symbol, [(item, rows.candles) for item, rows in klines], complete
    )
    context.warehouse.aggregates.recompute_hours(symbol, window, closed_before_ms)
    context.warehouse.aggregates.recompute_days(symbol, window, closed_before_ms)
    for part in candle_days:
        record_gaps(context, symbol, part, closed_before_ms)
    context.warehouse.lake_objects.mark_unloaded(symbol, ObjectKind.DEPTH, window)
    return RebuildResult(
        symbol,
        objects=len(bodies),
        days=len({item.day for item, _ in bodies}),
        minutes=restored,
        rejected=sum(len(rows.rejects) for _, rows in klines) + restored.refused,
        books=load_order_books(context, symbol, window, {item.key: body for item, body in bodies}),
    )


def _list_complete_windows(
    context: PipelineContext,
    symbol: str,
    klines: Sequence[tuple[LakeObject, ValidatedRows]],
    candle_days: Sequence[Window],
    exact_before: int | None,
) -> CompleteWindows | None:
    """Return the windows in which only the lake's minutes may be stored; None unless exact."""
    if exact_before is None:
        return None
    spans = [span for item, rows in klines for span in list_known_spans(item, rows.candles)]
    for part in candle_days:
        gaps = context.warehouse.gap_ledger.list_gaps(symbol, part)
        spans += [gap.window & part for gap in gaps]
    return CompleteWindows(merge_windows(spans), exact_before)


def _read_listed_object(context: PipelineContext, entry: ListedObject) -> ObjectBody | None:
    """Read an object; None if it is gone.

    An object that retention has moved since the listing is in the archive lake.
    """
    for lake in (entry.lake, context.archive_lake):
        with suppress(ObjectMissing):
            info, body = lake.get_with_info(entry.key)
            return describe_object(lake.bucket, entry.key, body, info.fetched_at), body
    return None


def _register_untracked(context: PipelineContext, symbol: str) -> bool:
    """Return whether a symbol is untracked; register an unknown one as untracked."""
    symbols = {known.name: known for known in context.warehouse.symbols.list_all()}
    if symbol in symbols:
        return not symbols[symbol].is_tracked
    listed = context.exchange.rest.fetch_exchange_info([symbol]).symbols
    context.warehouse.symbols.register_symbols([listed[symbol]])
    context.warehouse.symbols.untrack_symbol(symbol)
    return True


def _forget_missing_objects(
    context: PipelineContext, listed: Sequence[ListedObject], known: Sequence[LakeObject]
) -> int:
    there = {(entry.lake.bucket, entry.key) for entry in listed}
    gone = [item for item in known if (item.bucket, item.key) not in there]
    context.warehouse.lake_objects.forget_objects(gone)
    return len(gone)


def _find_exact_limit(context: PipelineContext) -> int:
    """Return a time (epoch ms) that no fetch from now on has, by the rule for fetches.

    Where that is the exchange's clock, it is known to the second, and each process has its own
    estimate.
    """
    with suppress(ExchangeError), context.waiter.wait_up_to(0):
        context.exchange_now()
    local = now_ms()
    fetched = context.exchange.rest.compute_fetch_time()
    return fetched if fetched >= local else fetched - 2 * DATE_INACCURACY_MS


def _closed_before(context: PipelineContext, listed: Sequence[ListedObject]) -> int:
    """Return the instant before which candles are closed, by the exchange's clock.

    Without an exchange, for which a rebuild does not wait, the end of the lake's newest candle.
    """
    try:
        with context.waiter.wait_up_to(0):
            return context.closed_before()
    except ExchangeError:
        return max((entry.parts.last_time + MINUTE_MS for entry in listed), default=0)
