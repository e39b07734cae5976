"""Order books: a snapshot goes into the lake, then from the lake into the facts.

The exchange keeps no history of its book: a past day holds what was captured in it and can never
be fetched again.
"""

from collections.abc import Sequence
from datetime import date

from crypto_assets.errors import CryptoAssetsError, ObjectMissing
from crypto_assets.lake import decode_depth, depth_object
from crypto_assets.market.clock import Window, day_of
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.order_book import OrderBook
from crypto_assets.pipeline.lake_minutes import lake_of
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
    read = [(item, _read(platform, item)) for item in objects]
    books = [(item, book) for item, book in read if book is not None]
    platform.warehouse.order_books.load(symbol, books)
    platform.warehouse.objects.mark_loaded([item for item, book in read if book is None])
    return len(books)


def bring_books(
    platform: Platform, symbol: str, days: Sequence[date], stages: set[BookStage]
) -> list[DayOutcome]:
    """Capture today's book if today is asked for, and load what the lake holds of each day."""
    try:
        if BookStage.RAW in stages and day_of(platform.now()) in days:
            capture(platform, symbol)
        if BookStage.FACTS in stages:
            load_books(platform, symbol, Window.of_days(days[0], days[-1]))
    except CryptoAssetsError as error:
        return [
            DayOutcome(stage, symbol, day, error=error) for stage in sorted(stages) for day in days
        ]
    return [_outcome(platform, symbol, day, stage) for stage in sorted(stages) for day in days]


def _outcome(platform: Platform, symbol: str, day: date, stage: BookStage) -> DayOutcome:
    snapshots = platform.warehouse.objects.of_window(symbol, ObjectKind.DEPTH, Window.of_day(day))
    missing = None
    if not snapshots:
        missing = ObjectMissing(
            f"no order book of {symbol} was captured on {day}, and the exchange keeps no history"
        )
    return DayOutcome(stage, symbol, day, len(snapshots), error=missing)


def _read(platform: Platform, item: LakeObject) -> OrderBook | None:
    """The object as a book, or None, set aside, where it cannot be true."""
    body = lake_of(platform, item.bucket).get(item.key)
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
