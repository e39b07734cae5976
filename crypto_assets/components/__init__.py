"""Components: what a YAML file in `defs/` can add to the code location."""

from crypto_assets.components.exchange_candles import ExchangeCandles

__all__ = ["ExchangeCandles"]
