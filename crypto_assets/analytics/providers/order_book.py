"""Order book: depth on both sides, spread, middle and imbalance of the newest snapshot."""

from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import accumulate

from pydantic import Field

from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.market.order_book import OrderBook, PriceLevel


class OrderBookParams(Params):
    levels: int = Field(20, ge=1, le=5000, description="price levels per side, best first")


@dataclass(frozen=True)
class DepthLevel:
    """A price level; `cumulative` is the quantity at this price or better, in base units."""

    price: float
    quantity: float
    cumulative: float


@dataclass(frozen=True)
class OrderBookDepth:
    """Prices in quote units, depths in base units; None if a side or the book is missing."""

    captured_at: int | None = None
    last_update_id: int | None = None
    best_bid: float | None = None
    best_ask: float | None = None
    mid: float | None = None
    spread: float | None = None
    spread_bps: float | None = None
    bid_depth: float = 0.0
    ask_depth: float = 0.0
    imbalance: float | None = None
    bids: tuple[DepthLevel, ...] = ()
    asks: tuple[DepthLevel, ...] = ()


@provider(title="Order book", panel=Panel.ALONE)
def order_book(book: OrderBook | None, params: OrderBookParams) -> OrderBookDepth:
    """Depth curve, spread, middle and imbalance of the newest stored snapshot.

    mid = (best bid + best ask) / 2; spread = best ask - best bid; `spread_bps` is the spread in
    ten-thousandths of mid; imbalance = (bid depth - ask depth) / (bid depth + ask depth) over the
    levels shown, from -1 (only asks) to 1 (only bids). `captured_at` is epoch ms.
    Source: Binance, depth. A symbol without snapshots has no levels and no values.
    """
    if book is None:
        return OrderBookDepth()
    book = replace(book, bids=book.bids[: params.levels], asks=book.asks[: params.levels])
    depth = OrderBookDepth(
        captured_at=book.captured_at,
        last_update_id=book.last_update_id,
        best_bid=float(book.bids[0].price) if book.bids else None,
        best_ask=float(book.asks[0].price) if book.asks else None,
        bid_depth=float(book.bid_depth),
        ask_depth=float(book.ask_depth),
        bids=_build_depth_curve(book.bids),
        asks=_build_depth_curve(book.asks),
    )
    if not (book.bids and book.asks):
        return depth
    return replace(
        depth,
        mid=float(book.mid),
        spread=float(book.spread),
        spread_bps=float(book.spread / book.mid * 10_000),
        imbalance=float(book.imbalance),
    )


def _build_depth_curve(levels: tuple[PriceLevel, ...]) -> tuple[DepthLevel, ...]:
    totals = accumulate((level.quantity for level in levels), initial=Decimal(0))
    next(totals)
    return tuple(
        DepthLevel(float(level.price), float(level.quantity), float(total))
        for level, total in zip(levels, totals, strict=True)
    )
