"""Order books: a snapshot goes into the lake, then from the lake into the facts.

The exchange keeps no history of its book: a past day holds what was captured in it and can never
be fetched again.
"""

from collections.abc import Mapping
from dataclasses import replace

from crypto_assets.errors import CryptoAssetsError, ObjectMissing
from crypto_assets.lake import decode_depth, depth_object
from crypto_assets.market.clock import Window, day_of
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.order_book import OrderBook
from crypto_assets.pipeline.lake_minutes import read_unloaded
from crypto_assets.pipeline.outcome import BookStage, DayOutcome
from crypto_assets.pipeline.platform import Platform
from crypto_assets.warehouse import Quarantined


def capture(platform: Platform, symbol: str) -> LakeObject:
    """Put the book as it is now into the lake. Raises ExchangeError, LakeError."""
    answer = platform.exchange.rest.depth(symbol, platform.order_book_levels)
    item, body = depth_object(platform.raw.bucket, symbol, answer, platform.now())
    platform.raw.put(item.key, body, fetched_at=item.fetched_at, source=item.source, rows=item.rows)
    platform.warehouse.objects.record([item])
    return item


def load_books(platform: Platform, symbol: str, window: Window) -> int:
    """Load every unloaded snapshot captured within `window`; answers how many.

    A book that cannot be true (crossed, unsorted, a side empty) is set aside with the reason.
    """
    objects = platform.warehouse.objects.unloaded(symbol, ObjectKind.DEPTH, window)
    bodies = ((item, read_unloaded(platform, item)) for item in objects)
    read = [(item, _read(platform, item, body)) for item, body in bodies if body is not None]
    books = [(item, book) for item, book in read if book is not None]
    platform.warehouse.order_books.load(symbol, books)
    platform.warehouse.objects.mark_loaded([item for item, book in read if book is None])
    return len(books)


def bring_books(
    platform: Platform, symbol: str, window: Window, stages: set[BookStage]
) -> list[DayOutcome]:
    """Capture the book if `window`, a partition's day or month, is the one that runs, and load what
    the lake holds of it. One outcome a stage.
    """
    try:
        if BookStage.RAW in stages and platform.now() in window:
            capture(platform, symbol)
        if BookStage.FACTS in stages:
            load_books(platform, symbol, window)
        held = _held(platform, symbol, window)
    except CryptoAssetsError as error:
        failed = DayOutcome(BookStage.RAW, symbol, day_of(window.start_ms), error=error)
        return [replace(failed, stage=stage) for stage in sorted(stages)]
    return [
        DayOutcome(stage, symbol, day_of(window.start_ms), held[stage], error=_flaw(stage, held))
        for stage in sorted(stages)
    ]


def _held(platform: Platform, symbol: str, window: Window) -> Mapping[BookStage, int]:
    """Snapshots at each stage; the lake's may have been retired since. Raises ObjectMissing."""
    held = {
        BookStage.RAW: platform.warehouse.objects.count(symbol, ObjectKind.DEPTH, window),
        BookStage.FACTS: platform.warehouse.order_books.count(symbol, window),
    }
    if not any(held.values()):
        raise ObjectMissing(
            f"no order book of {symbol} was captured in {window}, and the exchange keeps no history"
        )
    return held


def _flaw(stage: BookStage, held: Mapping[BookStage, int]) -> CryptoAssetsError | None:
    if stage is BookStage.RAW or held[BookStage.FACTS]:
        return None
    return ObjectMissing(f"of {held[BookStage.RAW]} order books none is loaded: see the quarantine")


def _read(platform: Platform, item: LakeObject, body: bytes) -> OrderBook | None:
    """The object as a book, or None, set aside, where it cannot be true."""
    try:
        book = OrderBook.from_answer(decode_depth(body), item.first_time)
        flaw = book.flaw()
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        flaw = f"not a depth answer: {error!r}"
    if flaw:
        platform.warehouse.quarantine.add([_set_aside(item, body, flaw)])
        return None
    return book


def _set_aside(item: LakeObject, body: bytes, flaw: str) -> Quarantined:
    content = body.decode(errors="replace")
    return Quarantined(item.symbol, item.kind, item.bucket, item.key, flaw, content)
