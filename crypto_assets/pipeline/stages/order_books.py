"""Order books: a snapshot goes into the lake, then from the lake into the facts.

The exchange keeps no history of its book: a past day holds what was captured in it and can never
be fetched again.
"""

from collections.abc import Mapping
from dataclasses import replace

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


def capture_order_book(platform: PipelineContext, symbol: str) -> LakeObject:
    """Put the book as it is now into the lake. Raises ExchangeError, LakeError."""
    answer = platform.exchange.rest.fetch_depth(symbol, platform.order_book_levels)
    item, body = build_depth_object(
        platform.raw_lake.bucket, symbol, answer, platform.exchange_now()
    )
    platform.raw_lake.put(
        item.key, body, fetched_at=item.fetched_at, source=item.source, rows=item.rows
    )
    platform.warehouse.lake_objects.record_objects([item])
    return item


def load_order_books(platform: PipelineContext, symbol: str, window: Window) -> int:
    """Load every unloaded snapshot captured within `window`; answers how many.

    A book that cannot be true (crossed, unsorted) is quarantined with the reason. One without bids
    or asks, as of a symbol in a halt, has no spread: it stays in the lake alone.
    """
    return _load_snapshots(platform, symbol, window)[0]


def _load_snapshots(platform: PipelineContext, symbol: str, window: Window) -> tuple[int, int]:
    """How many snapshots were loaded, and how many lack a side."""
    objects = platform.warehouse.lake_objects.list_unloaded(symbol, ObjectKind.DEPTH, window)
    bodies = [(item, read_unloaded_object(platform, item)) for item in objects]
    read = [
        (item, _parse_order_book(platform, item, body)) for item, body in bodies if body is not None
    ]
    true = [(item, book) for item, book in read if book is not None]
    books = [(item, book) for item, book in true if not book.is_one_sided]
    platform.warehouse.order_books.load_snapshots(symbol, books)
    loaded = {item.key for item, _ in books}
    platform.warehouse.lake_objects.mark_loaded(
        [item for item, _ in read if item.key not in loaded]
    )
    return len(books), len(true) - len(books)


def ingest_order_books(
    platform: PipelineContext, symbol: str, window: Window, stages: set[OrderBookStage]
) -> list[DayOutcome]:
    """Capture the book if `window`, a partition's day or month, is the one that runs, and load what
    the lake holds of it. One outcome a stage; none of a symbol that has just left the exchange's
    list. The book of one that does not trade is not asked for.
    """
    one_sided = 0
    try:
        symbols = [platform.warehouse.symbols.get_symbol(symbol)]
        if (
            OrderBookStage.RAW in stages
            and platform.exchange_now() in window
            and list_trading_names(symbols)
        ):
            capture_order_book(platform, symbol)
        if OrderBookStage.FACTS in stages:
            _, one_sided = _load_snapshots(platform, symbol, window)
        held = _count_snapshots(platform, symbol, window)
        flaw = _find_load_error(platform, symbol, window, held)
    except NotListed as error:
        return _record_delisted(platform, symbol, window, stages, error)
    except CryptoAssetsError as error:
        return _build_failed_outcomes(symbol, window, stages, error)
    return [
        DayOutcome(
            stage,
            symbol,
            day_of(window.start_ms),
            held[stage],
            {"one_sided": one_sided} if one_sided and stage is OrderBookStage.FACTS else {},
            error=flaw if stage is OrderBookStage.FACTS else None,
        )
        for stage in sorted(stages)
    ]


def _record_delisted(
    platform: PipelineContext,
    symbol: str,
    window: Window,
    stages: set[OrderBookStage],
    error: NotListed,
) -> list[DayOutcome]:
    """Record that a symbol is gone from the exchange's list; no outcome if that is so."""
    try:
        if refresh_status(platform, symbol) is SymbolStatus.DELISTED:
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
    platform: PipelineContext, symbol: str, window: Window
) -> Mapping[OrderBookStage, int]:
    """Snapshots at each stage; the lake's may have been retired since. Raises ObjectMissing."""
    held = {
        OrderBookStage.RAW: platform.warehouse.lake_objects.count_objects(
            symbol, ObjectKind.DEPTH, window
        ),
        OrderBookStage.FACTS: platform.warehouse.order_books.count_snapshots(symbol, window),
    }
    if not any(held.values()):
        raise ObjectMissing(
            f"no order book of {symbol} was captured in {window}, and the exchange keeps no history"
        )
    return held


def _find_load_error(
    platform: PipelineContext, symbol: str, window: Window, held: Mapping[OrderBookStage, int]
) -> CryptoAssetsError | None:
    """What is wrong with the facts where none of the books that are there could be loaded."""
    quarantine = platform.warehouse.quarantine
    if held[OrderBookStage.FACTS] or not quarantine.has_objects(symbol, ObjectKind.DEPTH, window):
        return None
    return ObjectMissing(
        f"of {held[OrderBookStage.RAW]} order books none is loaded: see the quarantine"
    )


def _parse_order_book(platform: PipelineContext, item: LakeObject, body: bytes) -> OrderBook | None:
    """The object as a book, or None, set aside, where it cannot be true."""
    try:
        book = OrderBook.from_response(decode_depth(body), item.first_time)
        flaw = book.find_flaw()
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        flaw = f"not a depth answer: {error!r}"
    if flaw:
        platform.warehouse.quarantine.add_records([_build_quarantined(item, body, flaw)])
        return None
    return book


def _build_quarantined(item: LakeObject, body: bytes, flaw: str) -> QuarantineRecord:
    content = body.decode(errors="replace")
    return QuarantineRecord(item.symbol, item.kind, item.bucket, item.key, flaw, content)
