"""A self-hosted market-data platform: Binance candles and order books, true to the digit."""
