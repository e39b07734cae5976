"""Components: what a YAML file in `defs/` can add to the code location."""

from crypto_assets.components.exchange_candles import ExchangeCandles, read_market_settings

__all__ = ["ExchangeCandles", "read_market_settings"]
