"""Symbols, 24-hour statistics, the dashboard and the order book."""

from typing import Self

from pydantic import Field

from crypto_assets.api.views.base import EpochMs, ExactDecimal, ResponseView, RoundedDecimal
from crypto_assets.api.views.pipeline import StorageView
from crypto_assets.market.order_book import OrderBook, PriceLevel
from crypto_assets.market.staleness import SymbolState
from crypto_assets.reports.dashboard import Concern


class InstrumentView(ResponseView):
    symbol: str
    base: str
    quote: str
    digits: int = Field(description="Number of decimals of the price.")
    trading: bool = Field(description="Whether the exchange publishes new candles.")


class SpanView(ResponseView):
    start_ms: EpochMs
    end_ms: EpochMs


class StatisticsView(ResponseView):
    """A window as one candle, rolled up by the exchange's rule; prices in quote units."""

    symbol: str
    window: SpanView
    open: ExactDecimal
    high: ExactDecimal
    low: ExactDecimal
    last: ExactDecimal
    volume: ExactDecimal
    quote_volume: ExactDecimal
    trade_count: int
    change: ExactDecimal
    change_ratio: RoundedDecimal = Field(description="0.01 is a rise of one percent.")
    average_price: RoundedDecimal | None
    partial: bool = Field(description="Whether the beginning of the window is not stored.")


class TileView(ResponseView):
    instrument: InstrumentView
    statistics: StatisticsView | None
    sparkline: tuple[float, ...] = Field(
        description="The opening price of the last 24 hours and their hourly closes, oldest first."
    )
    state: SymbolState
    lag_ms: int | None = Field(description="Milliseconds since the newest candle ended.")


class AttentionView(ResponseView):
    concern: Concern
    symbol: str
    amount: int = Field(
        description="Age of the newest candle in ms, number of missing minutes, or 0."
    )


class ChangesView(ResponseView):
    """Differences to the totals at `since`, which is about 24 hours ago."""

    since: EpochMs
    candles: int
    objects: int
    lake_bytes: int
    warehouse_bytes: int
    lag_ms: int | None


class DashboardView(ResponseView):
    as_of: EpochMs
    tiles: tuple[TileView, ...]
    candles: int = Field(description="Number of stored minutes.")
    storage: StorageView
    lag_ms: int | None
    changes: ChangesView | None
    attention: tuple[AttentionView, ...]


class OrderBookView(ResponseView):
    """Levels are [price, quantity], best first. Depths are in base units over these levels."""

    symbol: str
    last_update_id: int
    captured_at: EpochMs
    mid: ExactDecimal
    spread: ExactDecimal
    bid_depth: ExactDecimal
    ask_depth: ExactDecimal
    imbalance: RoundedDecimal = Field(description="From -1 (only asks) to 1 (only bids).")
    bids: tuple[tuple[ExactDecimal, ExactDecimal], ...]
    asks: tuple[tuple[ExactDecimal, ExactDecimal], ...]

    @classmethod
    def from_order_book(cls, symbol: str, book: OrderBook, levels: int) -> Self:
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
            bids=_convert_levels(shown.bids),
            asks=_convert_levels(shown.asks),
        )


def _convert_levels(
    levels: tuple[PriceLevel, ...],
) -> tuple[tuple[ExactDecimal, ExactDecimal], ...]:
    return tuple((level.price, level.quantity) for level in levels)
