"""A self-hosted market-data platform: Binance candles and order books, exact to the last digit.

from crypto_assets import connect

connect().candles("BTCUSDT", "1h", "2025-01-01", "2025-02-01")
"""

from typing import TYPE_CHECKING

from crypto_assets.installation import VERSION as __version__

if TYPE_CHECKING:
    from crypto_assets.market_data import MarketData

__all__ = ["__version__", "connect"]


def connect(warehouse_url: str | None = None) -> "MarketData":
    """Open candles and indicators as frames, from the warehouse of the settings or of a URL.

    Raises WarehouseNotReady if it has no tables yet, WarehouseUnavailable if it does not respond.
    """
    # Imported here, because every import of the package runs this file, and pandas is slow.
    from crypto_assets.market_data import open_market_data

    return open_market_data(warehouse_url)
