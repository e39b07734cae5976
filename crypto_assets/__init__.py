"""A self-hosted market-data platform: Binance candles and order books, true to the digit.

from crypto_assets import connect

connect().candles("BTCUSDT", "1h", "2025-01-01", "2025-02-01")
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crypto_assets.market_data import MarketData

__all__ = ["connect"]


def connect(warehouse_url: str | None = None) -> "MarketData":
    """Candles and indicators as frames, from the warehouse of the settings or another.

    Raises WarehouseNotReady where it has no tables yet, WarehouseUnavailable where nobody answers.
    """
    # Every module of ours imports this one; few need pandas.
    from crypto_assets.market_data import open_market_data

    return open_market_data(warehouse_url)
