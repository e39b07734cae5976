"""A small generated order book with the lake object that contains it."""

from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.order_book import OrderBook
from crypto_assets.warehouse.klines.order_books import BookBatch
from crypto_assets_tests.warehouse.minutes import SYMBOL


def order_book(update_id: int, captured_at: int, best_bid: str = "100.00000001") -> BookBatch:
    answer = {
        "lastUpdateId": update_id,
        "bids": [[best_bid, "2.5"], ["99", "1"]],
        "asks": [["100.00000004", "0.5"], ["101.5", "99999999999.5"]],
    }
    item = LakeObject(
        bucket="crypto-raw",
        key=f"{SYMBOL}_depth_{captured_at}.json",
        symbol=SYMBOL,
        kind=ObjectKind.DEPTH,
        source=Source.REST,
        first_time=captured_at,
        last_time=captured_at,
        rows=4,
        size_bytes=100,
        sha256=f"{captured_at:064x}",
        fetched_at=captured_at,
    )
    return item, OrderBook.from_response(answer, captured_at)
