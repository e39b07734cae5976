"""What everyone speaks: symbols, intervals, times, candles, order books and the exchange's rule."""
