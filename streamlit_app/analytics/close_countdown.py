"""What the chart's countdown to the close of the forming candle goes by."""

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.staleness import SymbolState
from streamlit_app import data
from streamlit_app.components.exchange_clock import render_exchange_clock

_KEY = "exchange_clock"


def render_close_clock(symbol: str) -> None:
    """Send the exchange's time to the browser, and whether the candles of a symbol are live."""
    render_exchange_clock(data.get_exchange_time(), symbol, is_live=_is_live(symbol), key=_KEY)


def _is_live(symbol: str) -> bool:
    try:
        tiles = data.query_dashboard().tiles
    except CryptoAssetsError:
        return False  # The state is not known.
    return any(
        tile.instrument.symbol == symbol and tile.state is SymbolState.LIVE for tile in tiles
    )
