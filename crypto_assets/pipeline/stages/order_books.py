"""Ingests order books: exchange → lake → facts.

The exchange has no history of its order book: a past day contains what was captured on that day,
and cannot be fetched again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from crypto_assets.batches import iter_batches
from crypto_assets.errors import CryptoAssetsError, NotListed, ObjectMissing
from crypto_assets.lake import build_depth_object, decode_depth
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.order_book import OrderBook
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.market.utc_time import Window, day_of
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.lake_reader import read_unloaded_object
from crypto_assets.pipeline.stages.results import DayOutcome, OrderBookStage
from crypto_assets.pipeline.stages.symbol_status import list_trading_names, refresh_status
from crypto_assets.warehouse import QuarantineRecord

_STEP_SNAPSHOTS = 200


def capture_order_book(context: PipelineContext, symbol: str) -> LakeObject:
    """Store the current order book in the lake. Raises ExchangeError, LakeError."""
    response = context.exchange.rest.fetch_depth(symbol, context.order_book_levels)
    item, body = build_depth_object(
        context.raw_lake.bucket, symbol, response, context.exchange_now()
    )
    context.raw_lake.put(
        item.key, body, fetched_at=item.fetched_at, source=item.source, rows=item.rows
    )
    context.warehouse.lake_objects.record_objects([item])
    return item


def load_order_books(
    context: PipelineContext,
    symbol: str,
    window: Window,
    bodies: Mapping[str, bytes] | None = None,
) -> int:
    """Load every unloaded snapshot captured within `window`; returns how many.

    `bodies` holds objects by key that were just read. Quarantines a book that cannot be true
    (crossed, unsorted) with the reason. A book without bids or asks, for example during a trading
    halt, has no spread: it is kept in the lake only.
    """
    return _load_snapshots(context, symbol, window, bodies)[0]


def _load_snapshots(
    context: PipelineContext,
    symbol: str,
    window: Window,
    bodies: Mapping[str, bytes] | None = None,
) -> tuple[int, int]:
    """The number of snapshots loaded, and of those without bids or asks.

    Each step is a transaction of its own, so that a month of snapshots does not fill the memory.
    """
    objects = context.warehouse.lake_objects.list_unloaded(symbol, ObjectKind.DEPTH, window)
    loaded = one_sided = 0
    for batch in iter_batches(objects, _STEP_SNAPSHOTS):
        read = [(item, read_unloaded_object(context, item, bodies or {})) for item in batch]
        counts = _load_step(
            context, symbol, [(item, body) for item, body in read if body is not None]
        )
        loaded, one_sided = loaded + counts[0], one_sided + counts[1]
    return loaded, one_sided


def _load_step(
    context: PipelineContext, symbol: str, objects: Sequence[tuple[LakeObject, bytes]]
) -> tuple[int, int]:
    """Load some snapshots; returns the counts of `_load_snapshots`."""
    read = [(item, _parse_order_book(context, item, body)) for item, body in objects]
    valid = [(item, book) for item, book in read if book is not None]
    books = [(item, book) for item, book in valid if not book.is_one_sided]
    context.warehouse.order_books.load_snapshots(symbol, books)
    loaded = {item.key for item, _ in books}
    context.warehouse.lake_objects.mark_loaded([item for item, _ in read if item.key not in loaded])
    return len(books), len(valid) - len(books)


def ingest_order_books(
    context: PipelineContext, symbol: str, window: Window, stages: set[OrderBookStage]
) -> list[DayOutcome]:
    """Capture the order book if `window` contains now, and load the window's snapshots.

    `window` is a partition's day or month. Returns one outcome per stage, or none for a symbol that
    was just found to be delisted. Captures no book of a symbol that does not trade.
    """
    one_sided = 0
    try:
        symbols = [context.warehouse.symbols.get_symbol(symbol)]
        if (
            OrderBookStage.RAW in stages
            and context.exchange_now() in window
            and list_trading_names(symbols)
        ):
            capture_order_book(context, symbol)
        if OrderBookStage.FACTS in stages:
            _, one_sided = _load_snapshots(context, symbol, window)
        counts = _count_snapshots(context, symbol, window)
        load_error = _find_load_error(context, symbol, window, counts)
    except NotListed as error:
        return _record_delisted(context, symbol, window, stages, error)
    except CryptoAssetsError as error:
        return _build_failed_outcomes(symbol, window, stages, error)
    return [
        DayOutcome(
            stage,
            symbol,
            day_of(window.start_ms),
            counts[stage],
            {"one_sided": one_sided} if one_sided and stage is OrderBookStage.FACTS else {},
            error=load_error if stage is OrderBookStage.FACTS else None,
        )
        for stage in sorted(stages)
    ]


def _record_delisted(
    context: PipelineContext,
    symbol: str,
    window: Window,
    stages: set[OrderBookStage],
    error: NotListed,
) -> list[DayOutcome]:
    """Record that a symbol is delisted; returns failed outcomes if the exchange still lists it."""
    try:
        if refresh_status(context, symbol) is SymbolStatus.DELISTED:
            return []
    except CryptoAssetsError as failure:
        return _build_failed_outcomes(symbol, window, stages, failure)
    return _build_failed_outcomes(symbol, window, stages, error)


def _build_failed_outcomes(
    symbol: str, window: Window, stages: set[OrderBookStage], error: CryptoAssetsError
) -> list[DayOutcome]:
    failed = DayOutcome(OrderBookStage.RAW, symbol, day_of(window.start_ms), error=error)
    return [replace(failed, stage=stage) for stage in sorted(stages)]


def _count_snapshots(
    context: PipelineContext, symbol: str, window: Window
) -> Mapping[OrderBookStage, int]:
    """Snapshots at each stage; the lake's may have expired since. Raises ObjectMissing."""
    counts = {
        OrderBookStage.RAW: context.warehouse.lake_objects.count_objects(
            symbol, ObjectKind.DEPTH, window
        ),
        OrderBookStage.FACTS: context.warehouse.order_books.count_snapshots(symbol, window),
    }
    if not any(counts.values()):
        raise ObjectMissing(
            f"no order book of {symbol} was captured in {window}, and the exchange keeps no history"
        )
    return counts


def _find_load_error(
    context: PipelineContext, symbol: str, window: Window, counts: Mapping[OrderBookStage, int]
) -> CryptoAssetsError | None:
    """The error of a window whose order books were all quarantined."""
    quarantine = context.warehouse.quarantine
    if counts[OrderBookStage.FACTS] or not quarantine.has_objects(symbol, ObjectKind.DEPTH, window):
        return None
    return ObjectMissing(
        f"no order book was loaded ({counts[OrderBookStage.RAW]} stored): see the quarantine"
    )


def _parse_order_book(context: PipelineContext, item: LakeObject, body: bytes) -> OrderBook | None:
    """Parse an object as an order book; None, with a quarantine record, if it cannot be true."""
    try:
        book = OrderBook.from_response(decode_depth(body), item.first_time)
        flaw = book.find_flaw()
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        flaw = f"not a depth response: {error!r}"
    if flaw:
        context.warehouse.quarantine.add_records([_build_quarantined(item, body, flaw)])
        return None
    return book


def _build_quarantined(item: LakeObject, body: bytes, flaw: str) -> QuarantineRecord:
    content = body.decode(errors="replace")
    return QuarantineRecord(item.symbol, item.kind, item.bucket, item.key, flaw, content)
