"""Symbols, 24-hour figures, the dashboard and the order book."""

from pydantic import Field

from crypto_assets.api.views.base import EpochMs, Exact, Rounded, View
from crypto_assets.api.views.pipeline import StorageView
from crypto_assets.market.order_book import OrderBook, PriceLevel
from crypto_assets.reports.dashboard import Concern


class InstrumentView(View):
    symbol: str
    base: str
    quote: str
    digits: int = Field(description="Decimals of its price.")
    trading: bool = Field(description="Whether the exchange prints new candles of it.")


class SpanView(View):
    start_ms: EpochMs
    end_ms: EpochMs


class StatisticsView(View):
    """A stretch of time as one candle, by the exchange's rule; prices in quote units."""

    symbol: str
    window: SpanView
    open: Exact
    high: Exact
    low: Exact
    last: Exact
    volume: Exact
    quote_volume: Exact
    trade_count: int
    change: Exact
    change_ratio: Rounded = Field(description="0.01 is one percent up.")
    average_price: Rounded | None
    partial: bool = Field(description="Whether the beginning of the window is not stored.")


class TileView(View):
    instrument: InstrumentView
    statistics: StatisticsView | None
    sparkline: tuple[float, ...] = Field(description="Hourly closes, oldest first.")
    lag_ms: int | None = Field(description="Age of the newest candle's end.")


class AttentionView(View):
    concern: Concern
    symbol: str
    amount: int = Field(description="Silence in ms, or missing minutes; 0 if there is no count.")


class ChangesView(View):
    """The totals less what they were at `since`, 24 hours ago or as near as was noted."""

    since: EpochMs
    candles: int
    objects: int
    lake_bytes: int
    warehouse_bytes: int
    lag_ms: int | None


class DashboardView(View):
    as_of: EpochMs
    tiles: tuple[TileView, ...]
    candles: int = Field(description="Minutes that are held.")
    storage: StorageView
    lag_ms: int | None
    changes: ChangesView | None
    attention: tuple[AttentionView, ...]


class OrderBookView(View):
    """Levels are [price, quantity], best first; depths in base units, over the levels shown."""

    symbol: str
    last_update_id: int
    captured_at: EpochMs
    mid: Exact
    spread: Exact
    bid_depth: Exact
    ask_depth: Exact
    imbalance: Rounded = Field(description="From -1 (all sellers) to 1 (all buyers).")
    bids: tuple[tuple[Exact, Exact], ...]
    asks: tuple[tuple[Exact, Exact], ...]

    @classmethod
    def of(cls, symbol: str, book: OrderBook, levels: int) -> "OrderBookView":
        shown = OrderBook(
            book.last_update_id, book.captured_at, book.bids[:levels], book.asks[:levels]
        )
        return cls(
            symbol=symbol,
            last_update_id=shown.last_update_id,
            captured_at=shown.captured_at,
            mid=shown.mid,
            spread=shown.spread,
            bid_depth=shown.bid_depth,
            ask_depth=shown.ask_depth,
            imbalance=shown.imbalance,
            bids=_pairs(shown.bids),
            asks=_pairs(shown.asks),
        )


def _pairs(levels: tuple[PriceLevel, ...]) -> tuple[tuple[Exact, Exact], ...]:
    return tuple((level.price, level.quantity) for level in levels)
