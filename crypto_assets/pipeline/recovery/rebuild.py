"""From the lake alone: manifest, minutes, hours, days and order books of the days that it holds."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby

from crypto_assets.errors import CryptoAssetsError, ExchangeError, ObjectMissing
from crypto_assets.lake import describe_object
from crypto_assets.market.candle_validation import ValidatedRows
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.symbols import parse_symbol
from crypto_assets.market.utc_time import (
    MINUTE_MS,
    Window,
    day_of,
    group_consecutive_days,
    merge_windows,
    now_ms,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import record_gaps
from crypto_assets.pipeline.recovery.lake_listing import ListedObject, list_lake_objects
from crypto_assets.pipeline.stages.lake_reader import list_known_spans, sift_object
from crypto_assets.pipeline.stages.load_facts import quarantine_rejects
from crypto_assets.pipeline.stages.order_books import load_order_books
from crypto_assets.warehouse.klines.restore import CompleteWindows, RestoreResult

_READERS = 8
_EVER = Window(0, 2**53)

ObjectBody = tuple[LakeObject, bytes]


@dataclass(frozen=True)
class RebuildResult:
    """What became of one symbol; `forgotten` objects stood in the manifest and in no lake.

    `untracked` is set of a symbol that nobody follows: its data is there, no tick brings more.
    """

    symbol: str
    objects: int = 0
    days: int = 0
    minutes: RestoreResult = field(default_factory=RestoreResult)
    rejected: int = 0
    books: int = 0
    forgotten: int = 0
    untracked: bool = False
    error: CryptoAssetsError | None = None

    def __add__(self, other: "RebuildResult") -> "RebuildResult":
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
    platform: PipelineContext,
    symbols: Sequence[str] | None = None,
    window: Window | None = None,
    *,
    exact: bool = False,
) -> Iterator[RebuildResult]:
    """Rebuild every day of `window` (whole UTC days; all, without one) that a lake holds.

    The minutes that the lake has replace what is held of them; minutes, hours, days and whole
    stretches that only the warehouse still has stay as they are. Where `exact`, minutes go of
    which the lake knows that there are none: inside of its objects, on days whose archive file it
    has, and in the ledger's gaps. Without `symbols`, those of warehouse and lake. One that fails
    carries its error. Repeatable, safe beside running ticks. Raises LakeError where a lake cannot
    be listed.
    """
    began = now_ms() if exact else None
    registered = [symbol.name for symbol in platform.warehouse.symbols.list_all()]
    if symbols is not None:
        symbols = [parse_symbol(text, registered) for text in symbols]
    chosen = [name for name in registered if symbols is None or name in symbols]
    known = _list_known_objects(platform, chosen, window)
    standing = list_lake_objects(platform, window, symbols)
    names = list(dict.fromkeys([*(symbols or ()), *known, *sorted(standing)]))
    for name in names:
        try:
            yield _rebuild_symbol(
                platform, name, standing.get(name, []), known.get(name, []), began
            )
        except CryptoAssetsError as error:
            yield RebuildResult(name, error=error)


def _list_known_objects(
    platform: PipelineContext, names: Sequence[str], window: Window | None
) -> dict[str, list[LakeObject]]:
    """The manifest, read before the lakes are listed: what is put meanwhile is not forgotten."""
    return {
        name: [
            item
            for kind in ObjectKind
            for item in platform.warehouse.lake_objects.list_in_window(name, kind, window or _EVER)
        ]
        for name in names
    }


def _rebuild_symbol(
    platform: PipelineContext,
    symbol: str,
    standing: Sequence[ListedObject],
    known: Sequence[LakeObject],
    exact_from: int | None,
) -> RebuildResult:
    untracked = _register_untracked(platform, symbol) if standing else False
    found = RebuildResult(
        symbol, untracked=untracked, forgotten=_forget_missing_objects(platform, standing, known)
    )
    closed_before = _closed_before(platform, standing)
    for _, month in groupby(standing, key=lambda one: (one.parts.day.year, one.parts.day.month)):
        found += _rebuild_month(platform, symbol, list(month), closed_before, exact_from)
    return found


def _rebuild_month(
    platform: PipelineContext,
    symbol: str,
    standing: Sequence[ListedObject],
    closed_before_ms: int,
    exact_from: int | None,
) -> RebuildResult:
    with ThreadPoolExecutor(_READERS) as pool:
        bodies = [
            body for body in pool.map(partial(_read_listed_object, platform), standing) if body
        ]
    platform.warehouse.lake_objects.record_objects([item for item, _ in bodies])
    klines = [(item, body) for item, body in bodies if item.kind is ObjectKind.KLINES]
    sifted = [(item, sift_object(item, body)) for item, body in klines]
    for item, parts in sifted:
        quarantine_rejects(platform.warehouse, item, parts.rejects)
    known = _build_known_spans(platform, symbol, sifted, exact_from)
    restored = platform.warehouse.facts.restore_objects(
        symbol, [(i, p.candles) for i, p in sifted], known
    )
    days = sorted({one.parts.day for one in standing})
    window = Window.of_days(days[0], days[-1])
    platform.warehouse.aggregates.recompute_hours(symbol, window, closed_before_ms)
    platform.warehouse.aggregates.recompute_days(symbol, window, closed_before_ms)
    for stretch in group_consecutive_days(sorted({day_of(item.first_time) for item, _ in klines})):
        record_gaps(platform, symbol, stretch, closed_before_ms)
    platform.warehouse.lake_objects.mark_unloaded(symbol, ObjectKind.DEPTH, window)
    return RebuildResult(
        symbol,
        objects=len(bodies),
        days=len(days),
        minutes=restored,
        rejected=sum(len(parts.rejects) for _, parts in sifted) + restored.refused,
        books=load_order_books(platform, symbol, window),
    )


def _build_known_spans(
    platform: PipelineContext,
    symbol: str,
    klines: Sequence[tuple[LakeObject, ValidatedRows]],
    exact_from: int | None,
) -> CompleteWindows | None:
    """Where no other minutes than the lake's may be held; None where such stay."""
    if exact_from is None:
        return None
    spans = [span for item, parts in klines for span in list_known_spans(item, parts.candles)]
    for stretch in group_consecutive_days(sorted({day_of(item.first_time) for item, _ in klines})):
        gaps = platform.warehouse.gap_ledger.list_gaps(symbol, stretch)
        spans += [gap.window & stretch for gap in gaps]
    return CompleteWindows(merge_windows(spans), exact_from)


def _read_listed_object(platform: PipelineContext, one: ListedObject) -> ObjectBody | None:
    """None if it is gone; what retention has moved since it was listed is in the archive lake."""
    for lake in (one.lake, platform.archive_lake):
        with suppress(ObjectMissing):
            info, body = lake.get_with_info(one.key)
            return describe_object(lake.bucket, one.key, body, info.fetched_at), body
    return None


def _register_untracked(platform: PipelineContext, symbol: str) -> bool:
    """Whether it is not tracked; one that is not even known is registered and left untracked."""
    symbols = {known.name: known for known in platform.warehouse.symbols.list_all()}
    if symbol in symbols:
        return not symbols[symbol].is_tracked
    found = platform.exchange.rest.fetch_exchange_info([symbol]).symbols
    platform.warehouse.symbols.register_symbols([found[symbol]])
    platform.warehouse.symbols.untrack_symbol(symbol)
    return True


def _forget_missing_objects(
    platform: PipelineContext, standing: Sequence[ListedObject], known: Sequence[LakeObject]
) -> int:
    there = {(one.lake.bucket, one.key) for one in standing}
    gone = [item for item in known if (item.bucket, item.key) not in there]
    platform.warehouse.lake_objects.forget_objects(gone)
    return len(gone)


def _closed_before(platform: PipelineContext, standing: Sequence[ListedObject]) -> int:
    """By the exchange's clock; without an exchange, by the newest candle, which has closed."""
    try:
        return platform.closed_before()
    except ExchangeError:
        return max((one.parts.last_time + MINUTE_MS for one in standing), default=0)
