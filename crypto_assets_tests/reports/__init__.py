"""Reports over a warehouse of generated candles."""
