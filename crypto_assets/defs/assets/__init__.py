"""The assets: candles, order books and maintenance."""
